/** Lower-cases, folds accents and width, and collapses everything that is not a letter or digit: equal meaning, equal text. */
export function normaliseText(text: string): string {
  return fold(text)
    .replace(/[^\p{Letter}\p{Number}\p{Mark}]+/gu, ' ')
    .trim();
}

/** Like `normaliseText`, but keeps signs that carry meaning: C++ is not C#, -5 is not 5, and each emoji says something else. */
export function normaliseContent(text: string): string {
  return fold(text)
    .replace(/(?<![\p{Letter}\p{Number}])-(?=\p{Number})/gu, '\u2212')
    .replace(/[^\p{Letter}\p{Number}\p{Mark}\p{Symbol}#%@&*]+/gu, ' ')
    .trim();
}

/** Only marks on Latin letters are accents; elsewhere (Devanagari, kana) a mark makes another word. */
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\uFE0E\uFE0F]/g, '')
    .replace(/(\p{Script=Latin})\p{Mark}+/gu, '$1')
    .toLowerCase();
}

/** Tokens of a text, estimated without a tokenizer as a quarter of its UTF-8 bytes, at least 1. */
export function estimateTokens(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return Math.max(1, Math.ceil(bytes / 4));
}

/** The text cut to `length` characters with an ellipsis, never inside a surrogate pair. */
export function shorten(text: string, length: number): string {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length <= length ? flat : `${flat.slice(0, length - 1).toWellFormed()}…`;
}

/** Order of two texts by their code units, which is the same everywhere; for `sort`. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
