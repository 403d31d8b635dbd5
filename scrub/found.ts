/** A stretch of a text that is to go, in UTF-16 code units. */
export interface Found {
  readonly from: number;
  readonly to: number;
}

/** The stretches that a pattern finds and a check confirms. The pattern's group `it`, where it has one, is what is to go. */
export function findAll(text: string, pattern: RegExp, isOne: (found: string) => boolean = () => true): Found[] {
  return [...text.matchAll(pattern)].flatMap((match): Found[] => {
    const it = match.groups?.['it'] ?? match[0];
    const from = match.index + match[0].lastIndexOf(it);
    return isOne(it) ? [{ from, to: from + it.length }] : [];
  });
}
