/**
 * How sure it is that something that was asked about is remembered, 0 to 1: a logistic of the relevance of the best candidate. It orders
 * questions by how likely they have an answer; it is not fitted to be a probability. 0 when nothing was found.
 * @param relevance of the best candidate; null when there is none
 */
export function confidenceOf(relevance: number | null): number {
  if (relevance === null) return 0;
  return Math.round(1e4 / (1 + Math.exp(5 - relevance))) / 1e4;
}
