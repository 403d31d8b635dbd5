import type { RecalledItem } from '../../memory/events.ts';
import { pack } from '../../memory/pack.ts';
import type { Candidate } from '../../memory/rank.ts';
import { diversify, rank } from '../../memory/rank.ts';
import { confidenceOf } from '../../memory/recall/confidence.ts';
import type { RecallCandidate } from '../../memory/recall/search.ts';
import { searchShelves } from '../../memory/recall/search.ts';
import { relevanceOf } from '../../memory/recall/weights.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import type { FoundDocument } from './queries.ts';
import { readDocuments } from './queries.ts';
import type { OpenShelves, RecallIndex } from './shelves.ts';
import { attachVectors, createRecallIndex, openShelves } from './shelves.ts';

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
  /**
   * How sure it is that what was asked about is remembered at all, 0 to 1. It orders questions; it is not
   * a probability (memory/recall/confidence.ts).
   */
  readonly confidence: number;
}

/** Cosine below which two texts have nothing to do with each other; noise would otherwise fill every rank. */
const leastSimilarity = 0.15;
/** Candidates that are read and ranked with their factors, at least. */
const leastRead = 60;
/** Places that are filled with an eye to what stands in the others. */
const diversePlaces = 30;

/**
 * Hybrid retrieval: words (BM25 of messages, their neighbours and sessions) and vectors (exact cosine), weighed together, diversified, packed,
 * explained.
 * @param index keeps what was read from views for the next question @default kept for this one only
 */
export async function retrieve(
  reader: ViewReader,
  input: RetrieveInput,
  index: RecallIndex = createRecallIndex(),
): Promise<Retrieved> {
  return retrieveFrom(reader, await openShelves(reader, index, input.scope), input, index);
}

/** The same from shelves that were opened before, at the same position; texts are read here, as the reader may see them. */
export async function retrieveFrom(
  reader: ViewReader,
  open: OpenShelves,
  input: RetrieveInput,
  index: RecallIndex,
): Promise<Retrieved> {
  const { scope, query, vector, now, limit = 8, budgetTokens = 1200, excludeTurns = [] } = input;
  const at = now.getTime();
  if (vector) await attachVectors(reader, index, { kept: open.kept, model: vector.model });
  const found = searchShelves(
    open.shelves,
    {
      text: query,
      vector: vector?.values ?? null,
      depth: Math.max(400, 2 * limit),
      isWanted:
        excludeTurns.length === 0 && open.shelves.every(({ firstExpiry }) => firstExpiry > at)
          ? null
          : ({ turn, expires }) => !excludeTurns.includes(turn) && (expires === null || expires > at),
    },
    open.view,
  );
  const candidates = found.candidates
    .filter(({ features }) => features.covers > 0 || features.cosine >= leastSimilarity)
    .map((candidate) => ({ ...candidate, relevance: relevanceOf(candidate.features, vector ? 'both' : 'words') }))
    .sort((a, b) => b.relevance - a.relevance || (a.entry.id < b.entry.id ? -1 : 1))
    .slice(0, Math.max(leastRead, limit + 20));
  const documents = new Map(
    (candidates.length === 0
      ? []
      : await readDocuments(reader, { scope, ids: candidates.map(({ entry }) => entry.id) })
    ).map((document) => [document.id, document]),
  );
  const known = candidates.flatMap((candidate) => {
    const document = documents.get(candidate.entry.id);
    return document ? [toCandidate(candidate, document, vector !== null)] : [];
  });
  const ranked = rank(known, { now: now.getTime() });
  const chosen = diversify(ranked.slice(0, diversePlaces + limit), {
    limit: Math.min(limit, diversePlaces),
    lambda: 0.9,
  });
  const first = new Set(chosen.map(({ id }) => id));
  const order = [...chosen, ...ranked.filter(({ id }) => !first.has(id))];
  const packed = pack(
    order.map((candidate) => ({ ...candidate, provenance: provenance(documents.get(candidate.id)) })),
    new Set(order.slice(0, limit).map(({ id }) => id)),
    { budgetTokens },
  );
  return {
    lines: packed.lines,
    tokens: packed.tokens,
    channels: {
      words: known.filter(({ scores }) => scores['words'] !== undefined).length,
      ...(vector ? { vector: known.filter(({ scores }) => scores['vector'] !== undefined).length } : {}),
    },
    degraded: degradation(vector?.model, found.withoutVector),
    confidence: confidenceOf(candidates[0]?.relevance ?? null),
    items: packed.items.flatMap((item) => {
      const document = documents.get(item.id);
      return document
        ? [{ ...item, text: document.content, thread: document.thread, turn: document.turn, saidAt: document.said_at }]
        : [];
    }),
  };
}

function toCandidate(
  { entry, features, vector, relevance }: RecallCandidate & { readonly relevance: number },
  document: FoundDocument,
  byVector: boolean,
): Candidate {
  return {
    id: entry.id,
    kind: entry.kind,
    text: document.content,
    contentHash: document.text_hash,
    at: document.said_at.getTime(),
    trust: document.trust,
    proofs: document.sources,
    relevance,
    scores: {
      ...(features.covers > 0 ? { words: features.words + features.window } : {}),
      ...(byVector && features.cosine >= leastSimilarity ? { vector: features.cosine } : {}),
    },
    vector,
  };
}

function degradation(model: string | undefined, missing: number): string[] {
  if (model === undefined) return ['no query vector; searched by words only'];
  return missing > 0 ? [`${missing} memories have no ${model} vector yet; they were searched by words only`] : [];
}

function provenance(document: FoundDocument | undefined): string {
  if (!document) return '';
  return `since ${document.said_at.toISOString().slice(0, 10)}, thread ${document.thread}, turn ${document.turn}`;
}
