import type { FeatureName } from './features.ts';
import type { QueryStrength } from './search.ts';

/**
 * How sure it is that something that was asked about is remembered, 0 to 1: a logistic of how much of the query the best messages cover, how
 * near the nearest is, and how the best one looks. 0 when nothing was found.
 */
export function confidenceOf(
  { coverage, nearest }: QueryStrength,
  best: Readonly<Record<FeatureName, number>> | null,
): number {
  if (best === null) return 0;
  const sum = -2.5 + 2.5 * coverage + 1.5 * nearest + 1 * best.covers + 0.8 * best.author - 0.8 * best.otherAuthor;
  return Math.round(1000 / (1 + Math.exp(-sum))) / 1000;
}
