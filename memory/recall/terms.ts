import { stemEnglish } from './stem.ts';

/** Words that say nothing about what a text is about. */
const stopWords: ReadonlySet<string> = new Set(
  (
    'i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its itself they ' +
    'them their theirs themselves what which who whom this that these those am is are was were be been being have has had having do does ' +
    'did doing a an the and but if or because as until while of at by for with about against between into through during before after ' +
    'above below to from up down in out on off over under again further then once here there when where why how all any both each few ' +
    'more most other some such no nor not only own same so than too very s t can will just don should now d ll m re ve y'
  ).split(' '),
);

const longestText = 100_000;
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** The words of a text as it is searched: lower case, without Latin accents; a run of a script without spaces is one word. */
export function wordsOf(text: string): string[] {
  const folded = text
    .slice(0, longestText)
    .toWellFormed()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .normalize('NFC')
    .toLowerCase();
  return folded.match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/**
 * The terms under which a text is found: stems of its words without stop words; scripts without spaces give pairs of characters.
 * Only the first 100,000 characters count.
 */
export function termsOf(text: string): string[] {
  return wordsOf(text).flatMap((word) => {
    if (stopWords.has(word)) return [];
    return unspaced.test(word) ? pairsOf(word) : [stemOf(word)];
  });
}

function pairsOf(word: string): string[] {
  const letters = Array.from(word);
  return letters.length === 1 ? letters : letters.slice(1).map((letter, index) => `${letters[index] ?? ''}${letter}`);
}

/** Stems of words seen lately: a conversation repeats its words. */
const known = new Map<string, string>();

function stemOf(word: string): string {
  const found = known.get(word);
  if (found !== undefined) return found;
  const stem = stemEnglish(word);
  if (known.size >= 50_000) known.clear();
  known.set(word, stem);
  return stem;
}
