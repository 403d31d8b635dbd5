import { isTyped, leavesOf } from './kinds.ts';
import { cuesOf } from './relations.ts';
import { normaliseText } from './text.ts';

/** What a message may speak of: values by which a fact is named, and a relation by whose cues it is meant. */
export interface SpokenOf {
  readonly values: readonly string[];
  /** Null: only the values count. */
  readonly relation: string | null;
}

/**
 * True when a message speaks of something: a value of it stands there, or a word of a value, or a word by which its relation is spoken of.
 * Whoever talks a model into ending a memory cannot make the user's message speak of it.
 */
export function speaksOf(message: string, { values, relation }: SpokenOf): boolean {
  const text = normaliseText(message);
  const said = text.split(' ');
  const names = (word: string): boolean =>
    word !== '' &&
    said.some((one) => one === word || (word.length > 3 && one.length > 3 && one.startsWith(word.slice(0, 4))));
  const spoken = values.map(normaliseText).filter((value) => value !== '');
  // Scripts without spaces have no words to compare.
  if (spoken.some((value) => text.includes(value) || value.split(' ').some(names))) return true;
  return relation !== null && cuesOf(relation).some((cue) => cue !== '' && said.some((one) => one.startsWith(cue)));
}

/**
 * True when the message itself states something of this value: all words of it stand in one sentence that is no question. What a tool answered
 * to "does the page say that I moved to Oslo?" is not the user's.
 */
export function quotes(message: string, value: string): boolean {
  const words = normaliseText(value)
    .split(' ')
    .filter((word) => word !== '');
  if (words.length === 0) return false;
  return sentencesOf(message).some((sentence) => {
    if (isQuestion(sentence)) return false;
    const text = normaliseText(sentence);
    const said = text.split(' ');
    return text.includes(words.join(' ')) || words.every((word) => said.includes(word));
  });
}

/** True when a text hardly says more than the statements of a message do: of ten words, seven stand there, or another share. */
export function restates(message: string, text: string, share = 0.7): boolean {
  const said = new Set(normaliseText(statementsOf(message)).split(' '));
  const words = normaliseText(text)
    .split(' ')
    .filter((word) => word !== '');
  return words.length > 0 && words.filter((word) => said.has(word)).length >= words.length * share;
}

/**
 * True when the message itself states a memory: nearly all its words stand in what is told there, or its value does. A how-to is more than its
 * goal, so its value alone makes it nobody's words; of feedback half of the words must be theirs, too: "invoice" in a message does not make
 * them say where copies of invoices go.
 */
export function isStatedBy(
  message: string,
  {
    kind,
    value,
    text,
    data,
  }: { readonly kind?: string; readonly value: string; readonly text: string; readonly data?: unknown },
): boolean {
  // Its text may say again what the message says, while its data says more.
  if (isTyped({ data })) {
    const leaves = leavesOf(data);
    return leaves.length > 0 && leaves.every((one) => quotes(message, one));
  }
  if (restates(message, text)) return true;
  if (kind === 'procedure') return false;
  return quotes(message, value) && (kind !== 'feedback' || restates(message, text, 0.5));
}

/** What of a message tells or asks for something to be done, without what it merely asks about. */
export function statementsOf(message: string): string {
  return sentencesOf(message)
    .filter((sentence) => !isQuestion(sentence) || asksToForget(sentence))
    .join(' ');
}

function sentencesOf(message: string): string[] {
  const found = message.match(/[^.!?。！？\n]+(?:[.!?](?!\s|$)[^.!?。！？\n]*)*[.!?。！？]*/gu) ?? [];
  return found.map((sentence) => sentence.trim()).filter((sentence) => sentence !== '');
}

function isQuestion(sentence: string): boolean {
  return /[?？]\s*$/u.test(sentence);
}

const forgetting =
  /\b(?:forg[eo]t|unlearn|delete|remove|erase|vergiss|vergess|loesch|losch|streich|oubli|supprim|efface|olvid|borr[ae]|elimin|esquec|apag[au])|忘|消して|删除|удал|забуд|забыть/u;

/** True when a message asks for something to be forgotten, in one of several languages; of what, it need not say. */
export function asksToForget(message: string): boolean {
  return forgetting.test(normaliseText(message));
}
