import { bm25 } from '../../memory/bm25.ts';
import type { RecalledItem } from '../../memory/events.ts';
import { pack } from '../../memory/pack.ts';
import type { Candidate } from '../../memory/rank.ts';
import { diversify, dot, rank } from '../../memory/rank.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import type { FoundDocument } from './queries.ts';
import { countWithoutVector, findByTerms, findByVector, signBits, toVector } from './queries.ts';

export interface RetrieveInput {
  readonly scope: Scope;
  readonly query: string;
  /** The query's unit vector and the model that made it; null searches by words only. */
  readonly vector: { readonly model: string; readonly values: Float32Array } | null;
  /** The time the question is asked at. */
  readonly now: Date;
  /** Most items to recall. @default 8 */
  readonly limit?: number;
  /** Most tokens of the memory section. @default 1200 */
  readonly budgetTokens?: number;
  /** Leave out what these turns said: it stands in the prompt already. @default none */
  readonly excludeTurns?: readonly string[];
}

/** What retrieval found, chose and left out. */
export interface Retrieved {
  /** Lines for the prompt. */
  readonly lines: readonly string[];
  /** Every candidate that is worth explaining, injected or not, with its text and origin. */
  readonly items: readonly (RecalledItem & {
    readonly text: string;
    readonly thread: string;
    readonly turn: string;
    readonly saidAt: Date;
  })[];
  readonly tokens: number;
  /** How many candidates each channel gave. */
  readonly channels: Readonly<Record<string, number>>;
  readonly degraded: readonly string[];
}

/** Cosine below which two texts have nothing to do with each other; noise would otherwise fill every rank. */
const leastSimilarity = 0.15;
/** Candidates taken from each channel into the fusion. */
const channelDepth = 50;
/** Documents with a word of the query that are scored. */
const lexicalDepth = 200;

/** What the channels found, before it is ranked. */
interface Found {
  readonly lexical: Awaited<ReturnType<typeof findByTerms>>;
  /** Null when there was no vector to search by. */
  readonly similar: { readonly matches: Awaited<ReturnType<typeof findByVector>>; readonly missing: number } | null;
}

/** Searches by words. */
export async function findByWords(
  reader: ViewReader,
  { scope, query }: Pick<RetrieveInput, 'scope' | 'query'>,
): Promise<Found['lexical']> {
  return findByTerms(reader, { scope, query, limit: lexicalDepth });
}

/** Searches by meaning. */
export async function findSimilar(
  reader: ViewReader,
  { scope, vector }: { readonly scope: Scope; readonly vector: NonNullable<RetrieveInput['vector']> },
): Promise<NonNullable<Found['similar']>> {
  const { model, values } = vector;
  const [matches, missing] = await Promise.all([
    findByVector(reader, { scope, model, code: signBits(values) }),
    countWithoutVector(reader, { scope, model }),
  ]);
  return { matches, missing };
}

/** Hybrid retrieval: words (BM25) and vectors (bit codes, then exact cosine), fused by rank, diversified, packed, explained. */
export async function retrieve(reader: ViewReader, input: RetrieveInput): Promise<Retrieved> {
  const { scope, vector } = input;
  const [lexical, similar] = await Promise.all([
    findByWords(reader, input),
    vector && findSimilar(reader, { scope, vector }),
  ]);
  return chooseMemories({ lexical, similar }, input);
}

/** The same from what was found before. */
export function chooseMemories({ lexical, similar }: Found, input: Omit<RetrieveInput, 'scope'>): Retrieved {
  const { vector, now, limit = 8, budgetTokens = 1200, excludeTurns = [] } = input;
  const degraded: string[] = [];
  const documents = new Map<string, FoundDocument>();
  const scores = new Map<string, Record<string, number>>();
  const vectors = new Map<string, Float32Array>();
  const keep = (
    channel: string,
    found: readonly { readonly document: FoundDocument; readonly score: number }[],
  ): number => {
    const best = found
      .filter(({ document }) => !excludeTurns.includes(document.turn))
      .sort((a, b) => b.score - a.score)
      .slice(0, channelDepth);
    for (const { document, score } of best) {
      documents.set(document.id, document);
      scores.set(document.id, { ...scores.get(document.id), [channel]: score });
    }
    return best.length;
  };

  const bm25Scores = bm25(lexical.matches, lexical);
  const channels: Record<string, number> = {
    words: keep(
      'words',
      lexical.matches.map((document) => ({ document, score: bm25Scores.get(document.id) ?? 0 })),
    ),
  };
  if (vector && similar) {
    for (const match of similar.matches) vectors.set(match.id, toVector(match.vector));
    const near = similar.matches
      .map((document) => ({ document, score: dot(vectors.get(document.id) ?? new Float32Array(), vector.values) }))
      .filter(({ score }) => score >= leastSimilarity);
    channels['vector'] = keep('vector', near);
    if (similar.missing > 0)
      degraded.push(`${similar.missing} memories have no ${vector.model} vector yet; they were searched by words only`);
  } else {
    degraded.push('no query vector; searched by words only');
  }

  const ranked = rank(
    [...documents.values()].map((document): Candidate => ({
      id: document.id,
      kind: document.kind,
      text: document.content,
      contentHash: document.text_hash,
      at: document.said_at.getTime(),
      trust: document.trust,
      proofs: document.sources,
      scores: scores.get(document.id) ?? {},
      vector: vectors.get(document.id) ?? null,
    })),
    { now: now.getTime() },
  );
  const selected = new Set(diversify(ranked, { limit }).map(({ id }) => id));
  const packed = pack(
    ranked.map((candidate) => ({ ...candidate, provenance: provenance(documents.get(candidate.id)) })),
    selected,
    { budgetTokens },
  );
  return {
    lines: packed.lines,
    tokens: packed.tokens,
    channels,
    degraded,
    items: packed.items.flatMap((item) => {
      const document = documents.get(item.id);
      return document
        ? [{ ...item, text: document.content, thread: document.thread, turn: document.turn, saidAt: document.said_at }]
        : [];
    }),
  };
}

function provenance(document: FoundDocument | undefined): string {
  if (!document) return '';
  return `since ${document.said_at.toISOString().slice(0, 10)}, thread ${document.thread}, turn ${document.turn}`;
}
