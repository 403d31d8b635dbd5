/** What a text looks like, beyond its terms. */
export interface TextMarks {
  readonly isQuestion: boolean;
  /** Names a time: a month, a day of the week, "yesterday", a year. */
  readonly namesTime: boolean;
  /** Says how things are to be done from now on. */
  readonly isInstruction: boolean;
  /** Says that something is now otherwise. */
  readonly isUpdate: boolean;
  readonly hasNumber: boolean;
  readonly isReply: boolean;
}

const timeWords =
  /\b(yesterday|today|tonight|tomorrow|last|next|ago|week(end)?s?|months?|years?|(mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september|october|november|december|(19|20)\d\d|since|recently)\b/i;
const instructionWords =
  /\b(always|never|whenever|every time|from now on|going forward|in the future|i (would )?(prefer|like you to|want you to)|please (make sure|ensure|use|include|keep|remember|don'?t|avoid|provide|format)|make sure|when(ever)? i ask)\b/i;
const updateWords =
  /\b(now|actually|changed|instead|updated?|no longer|anymore|moved|switched|increased|decreased|revised|rescheduled|pushed|extended|just|recently|improved|reached|has been)\b/i;

/** Reads the marks off the first 4,000 characters of a memory. */
export function marksOf({ text, kind }: { readonly text: string; readonly kind: string }): TextMarks {
  const head = text.slice(0, 4_000);
  return {
    isQuestion: /\?/.test(head),
    namesTime: timeWords.test(head),
    isInstruction: instructionWords.test(head),
    isUpdate: updateWords.test(head),
    hasNumber: /\d/.test(head),
    isReply: kind === 'reply',
  };
}
