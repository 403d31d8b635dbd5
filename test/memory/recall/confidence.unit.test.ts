import { describe, expect, test } from 'vitest';
import type { Weighed } from '../../../memory/recall/confidence.ts';
import { confidenceInputs } from '../../../memory/recall/confidence.ts';
import type { FeatureName } from '../../../memory/recall/features.ts';
import { featureNames } from '../../../memory/recall/features.ts';
import { confidenceOf, reliableFrom } from '../../../memory/recall/weights.ts';

const candidate = (relevance: number, features: Partial<Record<FeatureName, number>>): Weighed => ({
  relevance,
  features: {
    ...(Object.fromEntries(featureNames.map((name) => [name, 0])) as Record<FeatureName, number>),
    ...features,
  },
});

function sure(ranked: readonly Weighed[], coverage: number, channels: 'words' | 'both' = 'both'): number {
  const nearest = Math.max(0, ...ranked.map(({ features }) => features.cosine));
  return confidenceOf(confidenceInputs(ranked, { coverage, nearest }), channels, ranked.length > 0);
}

describe('confidence', () => {
  const right = candidate(6, { held: 0.9, words: 1, cosine: 0.7, nearness: 1, author: 1 });
  const wrong = candidate(6, { held: 0.9, words: 1, cosine: 0.7, nearness: 1, otherAuthor: 1 });

  test('is none when nothing was found', () => {
    expect(sure([], 0)).toBe(0);
  });

  test.each(['words', 'both'] as const)('by %s is lower where only somebody else said it', (channels) => {
    expect(sure([right], 1, channels)).toBeGreaterThan(sure([wrong], 1, channels));
    expect(sure([right, wrong], 1, channels)).toBeGreaterThan(sure([wrong], 1, channels));
  });

  test.each(['words', 'both'] as const)('by %s parts what is there from what is not', (channels) => {
    expect(sure([right], 1, channels)).toBeGreaterThan(reliableFrom);
    expect(sure([wrong], 0.5, channels)).toBeLessThan(reliableFrom);
  });

  test('stays between 0 and 1', () => {
    for (const ranked of [[right], [wrong], [candidate(99, {}), candidate(-99, {})]]) {
      const value = sure(ranked, 1);
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1);
    }
  });
});
