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

const forgetting =
  /\b(?:forg[eo]t|unlearn|delete|remove|erase|vergiss|vergess|loesch|losch|streich|oubli|supprim|efface|olvid|borr[ae]|elimin|esquec|apag[au])|忘|消して|删除|удал|забуд|забыть/u;

/** True when a message asks for something to be forgotten, in one of several languages; of what, it need not say. */
export function asksToForget(message: string): boolean {
  return forgetting.test(normaliseText(message));
}
