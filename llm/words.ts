/** English words that carry little meaning of their own; they weigh little in vectors and nothing in recall. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about again all also am an and any are as at be been being but by can could did do does done for from ' +
    'get got had has have he her here hers him his how i if in into is it its just let may me might mine more most ' +
    'must my no nor not now of off on once one only or other our ours out over own please same shall she should so ' +
    'some such than that the their theirs them then there these they this those through to too under until up us ' +
    'very was we were what when where which while who whom whose why will with would yes you your yours user ' +
    's t m re ve ll d don'
  ).split(' '),
);

/**
 * Gives the words of a text: lower case, without Latin accents, letters and digits of any script.
 * Scripts written without spaces come back as whole runs.
 */
export function wordsOf(text: string): string[] {
  const folded = text.toWellFormed().normalize('NFKD').replace(COMBINING_ACCENTS, '').normalize('NFC').toLowerCase();
  return folded.match(WORD) ?? [];
}

// Only the Latin/Greek/Cyrillic accents: in other scripts (Devanagari, Thai) marks are part of the word.
const COMBINING_ACCENTS = /[\u0300-\u036f]/g;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/** Strips common English endings, so that "prefers", "preferred" and "prefer" meet. Other scripts pass unchanged. */
export function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  let base = word;
  if (base.endsWith('ies') && base.length > 4) base = `${base.slice(0, -3)}y`;
  else if (/(?:sses|shes|ches|xes)$/.test(base)) base = base.slice(0, -2);
  else if (base.endsWith('s') && !/(?:ss|us|is)$/.test(base)) base = base.slice(0, -1);
  if (base.endsWith('ing') && base.length > 5) base = undouble(base.slice(0, -3));
  else if (base.endsWith('ed') && base.length > 4) base = undouble(base.slice(0, -2));
  else if (base.endsWith('ly') && base.length > 5) base = base.slice(0, -2);
  return base.length > 3 && base.endsWith('e') ? base.slice(0, -1) : base;
}

/** Gives the stems of the words that carry meaning. */
export function contentStems(text: string): string[] {
  return wordsOf(text)
    .filter((word) => !STOP_WORDS.has(word))
    .map(stem);
}

function undouble(base: string): string {
  return /([bdgmnprt])\1$/.test(base) ? base.slice(0, -1) : base;
}
