import type { ConfidenceName } from './confidence.ts';
import type { FeatureName } from './features.ts';

/**
 * How much each feature counts, with and without vectors: a linear score whose softmax over a query's candidates should lie on the messages
 * that hold the answer. Fitted by bench/fit-recall.ts (Adam on that cross-entropy, L2 0.001, 150 steps) on conversations of four
 * public benchmarks together, LoCoMo 1, BEAM 1.2, MADial 0.3, LoCoMo-Plus 0.25 in weight; measured by weights from the other
 * conversations (docs/recall.md has the figures). `linked` is set by hand: those conversations have no facts, so it is 0 throughout them.
 */
export const recallWeights: Readonly<Record<'words' | 'both', Readonly<Partial<Record<FeatureName, number>>>>> = {
  both: {
    words: 0.7,
    window: 0.05,
    session: 0.91,
    neighbour: -0.09,
    topic: 1,
    held: 1.33,
    answers: 0.7,
    covers: 2.3,
    cosine: 1.37,
    nearness: 1.34,
    windowCosine: 2.95,
    author: 1.21,
    otherAuthor: -1.19,
    during: 1.51,
    length: -1.7,
    question: -0.49,
    time: 1.75,
    reply: -2.12,
    instruction: 0.29,
    update: -0.09,
    number: 0.65,
    recency: -0.71,
    weakWords: -0.43,
    weakCosine: 0.73,
    weakNearness: 1.14,
    linked: 8,
  },
  words: {
    words: 1.73,
    window: -0.23,
    session: 1.09,
    neighbour: 1.41,
    topic: 1.54,
    held: 1.71,
    answers: 0.64,
    covers: 1.51,
    author: 1.32,
    otherAuthor: -1.31,
    during: 0.69,
    length: -3.33,
    question: -0.5,
    time: 1.74,
    reply: -1.66,
    instruction: 0.32,
    update: -0.01,
    number: 0.96,
    recency: -1.06,
    weakWords: 0.23,
    linked: 8,
  },
};

/** The relevance of a candidate: higher is better, comparable within a query only. */
export function relevanceOf(features: Readonly<Record<FeatureName, number>>, channels: 'words' | 'both'): number {
  let sum = 0;
  for (const [name, weight] of Object.entries(recallWeights[channels])) sum += weight * features[name as FeatureName];
  return sum;
}

/**
 * What each input of confidence counts: a logistic regression over questions with and without an answer, both kinds alike in weight, so
 * that 0.5 is where they part. Fitted by bench/fit-recall.ts with the weights above.
 */
export const confidenceWeights: Readonly<
  Record<'words' | 'both', Readonly<Partial<Record<ConfidenceName | 'constant', number>>>>
> = {
  both: {
    coverage: 0.87,
    held: -2.44,
    authorHeld: 1.43,
    wrongAuthor: -3.87,
    nearest: 0.61,
    authorNearest: 0.36,
    topHeld: 1.9,
    margin: -1.45,
    spread: -0.86,
    agreement: -1.64,
    constant: 1.49,
  },
  words: {
    coverage: 1.23,
    held: -1.95,
    authorHeld: 1.98,
    wrongAuthor: -3.94,
    topHeld: 0.47,
    margin: -1.14,
    spread: -0.87,
    agreement: -1.72,
    constant: 0.97,
  },
};

/** Below this confidence nothing reliable is known about what was asked. */
export const reliableFrom = 0.5;

/** How sure it is that what was asked about is remembered, 0 to 1; 0 when nothing was found. */
export function confidenceOf(
  inputs: Readonly<Record<ConfidenceName, number>>,
  channels: 'words' | 'both',
  isAnythingFound: boolean,
): number {
  if (!isAnythingFound) return 0;
  const { constant = 0, ...weights } = confidenceWeights[channels];
  let sum = constant;
  for (const [name, weight] of Object.entries(weights)) sum += weight * inputs[name as ConfidenceName];
  return Math.round(1e4 / (1 + Math.exp(-sum))) / 1e4;
}
