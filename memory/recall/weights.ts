import type { FeatureName } from './features.ts';

/**
 * How much each feature counts, with and without vectors: a linear score whose softmax over a query's candidates should lie on the messages
 * that hold the answer. Fitted by gradient descent on that cross-entropy (L2 0.001) on conversations of four public benchmarks together,
 * each measured by weights from the other conversations (docs/recall.md has the figures).
 */
export const recallWeights: Readonly<Record<'words' | 'both', Readonly<Partial<Record<FeatureName, number>>>>> = {
  both: {
    words: 2.56,
    window: 0.1,
    session: 0.99,
    neighbour: 0.05,
    covers: 2.6,
    cosine: 1.11,
    nearness: 1.46,
    windowCosine: 2.94,
    author: 1.2,
    otherAuthor: -1.19,
    length: -1.55,
    question: -0.54,
    time: 1.7,
    reply: -2.02,
    instruction: 0.21,
    update: -0.09,
    number: 0.75,
    recency: -0.65,
    weakWords: -1.41,
    weakCosine: 0.44,
    weakNearness: 1.45,
  },
  words: {
    words: 4.32,
    window: -0.1,
    session: 1.13,
    neighbour: 1.46,
    covers: 1.59,
    author: 1.33,
    otherAuthor: -1.33,
    length: -3.34,
    question: -0.49,
    time: 1.8,
    reply: -1.56,
    instruction: 0.29,
    update: -0.02,
    number: 0.66,
    recency: -0.93,
    weakWords: -0.89,
  },
};

/** The relevance of a candidate: higher is better, comparable within a query only. */
export function relevanceOf(features: Readonly<Record<FeatureName, number>>, channels: 'words' | 'both'): number {
  let sum = 0;
  for (const [name, weight] of Object.entries(recallWeights[channels])) sum += weight * features[name as FeatureName];
  return sum;
}
