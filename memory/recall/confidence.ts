import type { FeatureName } from './features.ts';
import type { QueryStrength } from './search.ts';

/** What says how sure it is that what was asked about is remembered; confidence weights say what each counts. */
export const confidenceNames = [
  'coverage',
  'held',
  'authorHeld',
  'wrongAuthor',
  'nearest',
  'authorNearest',
  'topHeld',
  'topCosine',
  'margin',
  'spread',
  'agreement',
] as const;

/** One of them, each between about 0 and 1. */
export type ConfidenceName = (typeof confidenceNames)[number];

/** A candidate as confidence looks at it. */
export interface Weighed {
  readonly features: Readonly<Record<FeatureName, number>>;
  readonly relevance: number;
}

/**
 * What is known of a question once its candidates are weighed.
 * @param ranked candidates by relevance, best first
 */
export function confidenceInputs(
  ranked: readonly Weighed[],
  strength: QueryStrength,
): Readonly<Record<ConfidenceName, number>> {
  const [first, second] = ranked;
  const right = ranked.filter(({ features }) => features.otherAuthor === 0);
  const wrong = ranked.filter(({ features }) => features.otherAuthor === 1);
  const most = (list: readonly Weighed[], name: FeatureName): number =>
    list.reduce((best, { features }) => Math.max(best, features[name]), 0);
  const mean = ranked.slice(0, 10).reduce((sum, { relevance }, _, { length }) => sum + relevance / length, 0);
  return {
    // What is reached along facts is covered by the relations on the way, not by words.
    coverage: Math.max(strength.coverage, most(ranked, 'linked')),
    held: most(ranked, 'held'),
    authorHeld: Math.max(most(right, 'held'), most(right, 'linked')),
    // More of the question stands in what somebody else said than in what the person said whom it names.
    wrongAuthor: Math.max(0, most(wrong, 'held') - most(right, 'held')),
    nearest: strength.nearest,
    authorNearest: most(right, 'cosine'),
    topHeld: Math.max(first?.features.held ?? 0, first?.features.linked ?? 0),
    topCosine: first?.features.cosine ?? 0,
    margin: first && second ? Math.min(1, (first.relevance - second.relevance) / 2) : 0,
    spread: first ? Math.min(2, (first.relevance - mean) / 4) : 0,
    agreement: first ? (first.features.nearness + first.features.words) / 2 : 0,
  };
}
