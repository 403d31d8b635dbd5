/** A piece of a sentence that states one thing, with the signals that were stripped from it. */
export interface Clause {
  /** The statement, contractions spelled out and fillers removed. */
  readonly text: string;
  /** Says that something known was wrong or has changed. */
  readonly corrects: boolean;
  /** What it is said to replace: "X instead of Y", "not Y but X". */
  readonly oldValue: string | null;
  /** What "not Y but X" puts in its place. */
  readonly newValue: string | null;
  /** Says that something no longer holds, or asks to forget it. */
  readonly ends: 'no' | 'no-longer' | 'forget';
  /** "I think", "maybe". */
  readonly hedged: boolean;
}

const ABBREVIATION = /(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|no|vs|etc|approx|e\.g|i\.e)\.$/i;

/** Splits a text at sentence ends and line breaks. A how-to keeps its steps: "To …, first …. Then …." is one. */
export function sentencesOf(text: string): string[] {
  const sentences: string[] = [];
  for (const line of straighten(text).split(/\r?\n+/)) {
    let open = '';
    for (const piece of line.split(/(?<=[.!?…]["')]?)\s+|(?<=[。！？])/u)) {
      open = open === '' ? piece : `${open} ${piece}`;
      if (!ABBREVIATION.test(open)) {
        addSentence(sentences, open);
        open = '';
      }
    }
    addSentence(sentences, open);
  }
  return sentences;
}

function addSentence(sentences: string[], raw: string): void {
  const sentence = raw.trim();
  if (sentence === '') return;
  const last = sentences.at(-1);
  const isStep =
    /^(?:then|next|after that|afterwards|finally|lastly|second(?:ly)?|third(?:ly)?|step \d|\d{1,2}[.)])\b/i;
  if (last !== undefined && isHowTo(last) && isStep.test(sentence)) {
    sentences[sentences.length - 1] = `${last} ${sentence}`;
  } else {
    sentences.push(sentence);
  }
}

/** True for "To return shoes, first …", "How to …:", "When a customer …, do …". */
export function isHowTo(sentence: string): boolean {
  return HOW_TO.test(sentence.replace(FILLER, '')) && !sentence.trim().endsWith('?');
}

/** Groups: goal, steps. */
export const HOW_TO =
  /^(?:(?:in order )?to|how to|whenever|when|every time|if)\s+([^,:?]{3,120}?)\s*(?:[,:]|\s-\s)\s*((?:first|you|we|go|please|always|never|do|just|simply|start|open|use|ask|check|call|send|fill|print|click|take|put|then|make|run|press|select|log|contact|write|reply|step|1[.)])\b[\s\S]*)$/i;

const FILLER =
  /^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|dear \w+|oh|well|ok|okay|so|and|also|but|by the way|btw|fyi|yes|yeah|please|thanks|thank you|great|for your information)(?:[,!.:;]+\s*|\s+|$))+/i;
const CORRECTION =
  /^(?:(?:actually|correction|sorry|no|wait|oops|rather|in fact|scratch that|i was wrong|i meant|i mean|to correct myself)(?:[,:;.!-]+\s*|\s+(?=\S)))+/i;
const HEDGE = /^(?:i (?:think|guess|believe|suppose)(?: that)?|maybe|perhaps|probably|possibly)[,\s]+/i;
const FORGET =
  /^(?:(?:can|could|would) you )?(?:forget|delete|erase|remove|drop)(?: (?:the fact|what i said|from (?:your )?memory|everything))?(?: (?:that|about))?[:,]?\s+/i;

/** Splits a sentence where a new statement about oneself or one's things begins. */
export function clausesOf(sentence: string): Clause[] {
  if (isHowTo(sentence)) return [toClause(sentence)];
  const boundary =
    /(?:\s*[,;]\s*(?:and |but |so |also )?|\s+(?:and|but)\s+(?:also )?|\s+-\s+|:\s+)(?:that )?(?=(?:i|i'm|i've|i'd|im|my|our|we|we're|use|call me|contact me|reach me|text me|actually|please)\b)/i;
  return sentence
    .split(boundary)
    .map((piece) => toClause(piece))
    .filter((clause) => clause.text !== '');
}

function toClause(raw: string): Clause {
  let text = raw.trim().replace(/[\s.!;,]+$/u, '');
  let corrects = false;
  let hedged = false;
  let ends: Clause['ends'] = 'no';
  for (let round = 0; round < 3; round += 1) {
    text = text.replace(FILLER, '');
    if (CORRECTION.test(text)) {
      corrects = true;
      text = text.replace(CORRECTION, '');
    }
    if (HEDGE.test(text)) {
      hedged = true;
      text = text.replace(HEDGE, '');
    }
  }
  if (FORGET.test(text)) {
    ends = 'forget';
    text = text.replace(FORGET, '');
  }
  text = spellOut(text);
  const kept = text
    .replace(/\b(?:do not|does not|am not|is not|cannot) (.+?) (?:any ?more|any longer)$/i, 'no longer $1')
    .replace(/\bno longer (?:am|is) /i, 'no longer ')
    .replace(/\b(?:stopped|quit|gave up) (\w+ing)\b/i, 'no longer $1');
  if (/\bno longer\b/i.test(kept)) {
    if (ends === 'no') ends = 'no-longer';
    text = kept.replace(/\bno longer (?!(?:a|an|the|in|at|on|with|for|\w+ing)\b)/i, '').replace(/\bno longer /i, '');
  }
  const swap = takeSwap(text);
  return { ...swap, corrects: corrects || swap.oldValue !== null || /\bhas changed\b/i.test(text), ends, hedged };
}

// "Y instead of X", "not X but Y", "Y, not X": what is left says Y.
function takeSwap(text: string): Pick<Clause, 'text' | 'oldValue' | 'newValue'> {
  const butForm = /\bnot (?:(in|at|by|on|for) )?([^,]+?),? but (?:rather )?(.+)$/i.exec(text);
  if (butForm?.[2] !== undefined && butForm[3] !== undefined) {
    return { text: `${text.slice(0, butForm.index)}${butForm[3]}`, oldValue: butForm[2], newValue: bare(butForm[3]) };
  }
  const notForm = /^(.+?),? (?:and )?not (?:(?:in|at|by|on|for) )?([^,]+)$/i.exec(text);
  if (notForm?.[1] !== undefined && notForm[2] !== undefined && /, not |\band not /i.test(text)) {
    const value = notForm[1].replace(/^(?:it|that|this)(?: is|'s) (?:now )?/i, '');
    return { text: notForm[1], oldValue: notForm[2], newValue: bare(value) };
  }
  const insteadForm = /^(?!i (?:would )?prefer)(.+?) (?:instead of|rather than) (.+)$/i.exec(text);
  if (insteadForm?.[1] !== undefined && insteadForm[2] !== undefined) {
    const value = insteadForm[1].replace(/^(?:use|make it|it is|i use)\s+/i, '');
    return { text: insteadForm[1], oldValue: insteadForm[2], newValue: bare(value) };
  }
  return { text, oldValue: null, newValue: null };
}

function bare(value: string): string {
  return value.replace(/^(?:in|at|by|on|for)\s+/i, '').trim();
}

/** Spells contractions out, so that the rules need one form of each verb. */
export function spellOut(text: string): string {
  return straighten(text)
    .replace(/\b(i)'?m\b/gi, (whole) => (/^im$/i.test(whole) || whole.includes("'") ? 'I am' : whole))
    .replace(/\b(i|we|you|they)'ve\b/gi, '$1 have')
    .replace(/\b(i|we|you|they)'d\b/gi, '$1 would')
    .replace(/\b(i|we|you|they)'ll\b/gi, '$1 will')
    .replace(/\b(we|you|they)'re\b/gi, '$1 are')
    .replace(/\bcan(?:'|no)t\b/gi, 'cannot')
    .replace(/\bwon't\b/gi, 'will not')
    .replace(/\b(do|does|did|is|are|was|were|has|have|had|would|should|could)n't\b/gi, '$1 not')
    .replace(/\b(name|birthday|it|that|what|he|she|there)'s\b/gi, '$1 is')
    .replace(/'s (called|named|allergic|from)\b/gi, ' is $1');
}

/** Replaces typographic quotes and apostrophes by plain ones. */
export function straighten(text: string): string {
  return text.replace(/[\u2018\u2019\u02bc]/g, "'").replace(/[\u201c\u201d]/g, '"');
}
