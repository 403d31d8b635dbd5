/** Names of the features of a candidate; weights.ts says what each counts. */
export const featureNames = [
  'words',
  'window',
  'session',
  'neighbour',
  'topic',
  'held',
  'answers',
  'covers',
  'cosine',
  'nearness',
  'windowCosine',
  'author',
  'otherAuthor',
  'during',
  'length',
  'question',
  'time',
  'reply',
  'instruction',
  'update',
  'number',
  'recency',
  'weakWords',
  'weakCosine',
  'weakNearness',
  'linked',
] as const;

/** What ranking knows of a candidate, each between about 0 and 1. */
export type FeatureName = (typeof featureNames)[number];
