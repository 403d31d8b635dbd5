/** A document with the query terms it holds. */
export interface TermMatch {
  readonly id: string;
  /** Occurrences of each query term, in the order of the query's terms. */
  readonly frequencies: readonly number[];
  /** Length in terms. */
  readonly length: number;
}

/** Size of what was searched. */
export interface Corpus {
  readonly documents: number;
  readonly averageLength: number;
  /** How many documents hold each query term, in the order of the query's terms. */
  readonly holding: readonly number[];
}

/**
 * Okapi BM25 (Robertson and Zaragoza 2009) with k1 0.9 and b 0.4, the setting that did best on short conversational texts.
 * `matches` may be the best of those that hold a query term: document frequencies are those of the whole corpus.
 */
export function bm25(matches: readonly TermMatch[], corpus: Corpus, { k1 = 0.9, b = 0.4 } = {}): Map<string, number> {
  const idf = corpus.holding.map((holding) => Math.log(1 + (corpus.documents - holding + 0.5) / (holding + 0.5)));
  return new Map(
    matches.map(({ id, frequencies, length }) => {
      const norm = k1 * (1 - b + (b * length) / Math.max(1, corpus.averageLength));
      return [id, frequencies.reduce((sum, tf, term) => sum + ((idf[term] ?? 0) * tf * (k1 + 1)) / (tf + norm), 0)];
    }),
  );
}
