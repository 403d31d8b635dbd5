import type { RecalledItem } from '../../memory/events.ts';
import { pack } from '../../memory/pack.ts';
import type { Packed } from '../../memory/pack.ts';
import type { Candidate, RankedCandidate } from '../../memory/rank.ts';
import { confidenceInputs } from '../../memory/recall/confidence.ts';
import type { RecallCandidate, RecallFound } from '../../memory/recall/search.ts';
import { asksForState, order } from '../../memory/recall/order.ts';
import { beginSearch } from '../../memory/recall/search.ts';
import { confidenceOf, relevanceOf } from '../../memory/recall/weights.ts';
import type { Scope } from '../../memory/scope.ts';
import { shorten } from '../../memory/text.ts';
import { InvalidReadError } from '../../eventstore/index.ts';
import { findPolicyFault, kindNames } from '../../memory/recall/policy.ts';
import type { RecallPolicy } from '../../memory/recall/policy.ts';
import type { ShelfEntry } from '../../memory/recall/shelf.ts';
import { timeWindowOf } from './time-window.ts';
import type { ViewReader } from '../read-views.ts';
import { readCitations } from '../documents/queries.ts';
import type { Citation } from '../documents/queries.ts';
import { listFacts } from '../semantic/queries.ts';
import { isFailing } from '../../memory/procedure-use.ts';
import type { ProcedureRecord } from '../procedural/uses.ts';
import { readProcedureRecords } from '../procedural/uses.ts';
import type { FoundDocument } from './queries.ts';
import { readDocuments } from './queries.ts';
import type { OpenShelves, PastView, RecallIndex } from './shelves.ts';
import { attachVectors, fetchVectors } from './fetch-vectors.ts';
import { createRecallIndex, openShelves } from './shelves.ts';

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
  /** What may be recalled, and how it is weighed. @default everything, by relevance */
  readonly policy?: RecallPolicy;
  /** Facts that held in the world at this time, and what was said up to it. @default what holds now */
  readonly validAt?: Date;
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
    /** The value of a kind of your own, as its schema gave it (`kind.is(item)` gives its type); null for other kinds. */
    readonly data: unknown;
    /** Where a chunk stands in its document; null for other kinds. */
    readonly citation: Citation | null;
    /** What it was weighed by (memory/recall/features.ts), each between about 0 and 1. */
    readonly features: Readonly<Record<string, number>>;
  })[];
  /** How many memories there were to search. */
  readonly searched: number;
  readonly tokens: number;
  /** How many candidates each channel gave; `pgvector`: how many of the nearest came from its index, where it was asked. */
  readonly channels: Readonly<Record<string, number>>;
  readonly degraded: readonly string[];
  /**
   * How sure it is that what was asked about is remembered at all, 0 to 1: below 0.5 it more likely is not
   * (memory/recall/confidence.ts).
   */
  readonly confidence: number;
}

/** Cosine below which two texts have nothing to do with each other; noise would otherwise fill every rank. */
const leastSimilarity = 0.15;
/** Candidates that are read and ranked with their factors, at least. */
const leastRead = 40;

/**
 * Hybrid retrieval: words (BM25 of messages, their neighbours and sessions), vectors (exact cosine) and the facts that hang together with what
 * the question names, weighed together, diversified, packed, explained.
 * @param index keeps what was read from views for the next question @default kept for this one only
 */
export async function retrieve(
  reader: ViewReader,
  input: RetrieveInput,
  index: RecallIndex = createRecallIndex(),
): Promise<Retrieved> {
  return retrieveFrom(reader, await openFor(reader, input, index), input, index);
}

/** Opens the shelves that a question is asked of. */
export async function openFor(
  reader: ViewReader,
  { scope, validAt }: Pick<RetrieveInput, 'scope' | 'validAt'>,
  index: RecallIndex,
): Promise<OpenShelves> {
  return openShelves(reader, index, scope, await pastView(reader, scope, validAt));
}

async function pastView(reader: ViewReader, scope: Scope, validAt: Date | undefined): Promise<PastView | null> {
  if (validAt === undefined) return null;
  if (Number.isNaN(validAt.getTime())) throw new InvalidReadError('validAt', 'a valid Date', validAt);
  const facts = await listFacts(reader, { reader: scope, past: true, limit: 100_000 });
  const held = facts.filter((fact) => fact.validFrom <= validAt && (fact.validTo === null || fact.validTo > validAt));
  return { validAt: validAt.getTime(), facts: new Set(held.map(({ fact }) => fact)) };
}

/** The same from shelves that were opened before, at the same position; texts are read here, as the reader may see them. */
export async function retrieveFrom(
  reader: ViewReader,
  open: OpenShelves,
  input: RetrieveInput,
  index: RecallIndex,
): Promise<Retrieved> {
  const { vector } = input;
  const { known, packed, documents, citations, records, found, confidence, byIndex } = await rankFrom(
    reader,
    open,
    input,
    index,
  );
  const features = new Map(known.map(({ id, features: own }) => [id, own]));
  return {
    lines: packed.lines,
    tokens: packed.tokens,
    channels: {
      words: known.filter(({ scores }) => scores['words'] !== undefined).length,
      ...(known.some(({ scores }) => scores['graph'] !== undefined)
        ? { graph: known.filter(({ scores }) => scores['graph'] !== undefined).length }
        : {}),
      ...(vector ? { vector: known.filter(({ scores }) => scores['vector'] !== undefined).length } : {}),
      ...(byIndex === null ? {} : { pgvector: byIndex }),
    },
    degraded: degradation(vector?.model, found.withoutVector),
    confidence,
    searched: found.visible,
    items: packed.items.flatMap((item) => {
      const document = documents.get(item.id);
      const version = records.get(item.id)?.version;
      return document
        ? [
            {
              ...item,
              ...(version === undefined ? {} : { version }),
              text: document.content,
              thread: document.thread,
              turn: document.turn,
              saidAt: document.said_at,
              data: document.data,
              citation: citations.get(item.id) ?? null,
              features: features.get(item.id) ?? {},
            },
          ]
        : [];
    }),
  };
}

/** A candidate with the features it was weighed by. */
export interface WeighedCandidate extends Candidate {
  readonly features: Readonly<Record<string, number>>;
}

/** All that retrieval knows before it gives the best: what `whyNot` explains. */
export interface RankedMemories {
  readonly found: RecallFound;
  /** Candidates that were read, in order of relevance. */
  readonly known: readonly WeighedCandidate[];
  /** The same in the order they are given out, with their scores. */
  readonly ordered: readonly RankedCandidate[];
  readonly documents: ReadonlyMap<string, FoundDocument>;
  /** Of those that are chunks of a document. */
  readonly citations: ReadonlyMap<string, Citation>;
  /** Of how-tos: which version it is, and how it has done. */
  readonly records: ReadonlyMap<string, ProcedureRecord>;
  readonly packed: Packed;
  readonly confidence: number;
  /** How many of the nearest pgvector's index gave; null when vectors were compared in the process. */
  readonly byIndex: number | null;
}

/** Searches, ranks and packs. Throws InvalidReadError for a policy that makes no sense. */
export async function rankFrom(
  reader: ViewReader,
  open: OpenShelves,
  input: RetrieveInput,
  index: RecallIndex,
): Promise<RankedMemories> {
  const { scope, query, vector, now, limit = 8, budgetTokens = 1200, policy = {}, validAt } = input;
  assertPolicy(policy);
  const spaces = vector ? await attachVectors(reader, index, { kept: open.kept, model: vector.model }) : [];
  const channels = vector ? 'both' : 'words';
  const depth = Math.max(400, 2 * limit);
  const begun = beginSearch(
    open.shelves,
    {
      text: query,
      vector: vector?.values ?? null,
      depth,
      during: timeWindowOf(query, now.getTime()),
      names: open.names,
      isWanted: wantedBy(input, Math.min(...open.shelves.map(({ firstExpiry }) => firstExpiry))),
    },
    open.view,
  );
  const fetched = vector ? await fetchVectors(reader, open, { begun, spaces, scope, vector, depth }) : null;
  const found = begun.end(fetched);
  const weighed = found.candidates
    .filter(({ features }) => features.covers > 0 || features.cosine >= leastSimilarity || features.linked > 0)
    .map((candidate) => ({ ...candidate, relevance: relevanceOf(candidate.features, channels) }))
    .sort(byRelevance);
  const confidence = confidenceOf(confidenceInputs(weighed, found.strength), channels, weighed.length > 0);
  const candidates = weighed.slice(0, Math.max(leastRead, limit + 20));
  const ids = candidates.map(({ entry }) => entry.id);
  const past = validAt !== undefined;
  const rows = ids.length === 0 ? [] : await readDocuments(reader, { scope, ids, past });
  const documents = new Map(rows.map((document) => [document.id, document]));
  const chunks = rows.filter(({ kind }) => kind === 'document').map(({ id }) => id);
  const procedures = rows.flatMap(({ id, kind }) => (kind === 'procedure' ? [id] : []));
  const [citations, records] = await Promise.all([
    readCitations(reader, { scope, chunks }),
    readProcedureRecords(reader, { scope, procedures }),
  ]);
  const known = candidates.flatMap((candidate) => {
    const document = documents.get(candidate.entry.id);
    const record = records.get(candidate.entry.id);
    return document
      ? [
          {
            ...toCandidate(candidate, document, vector !== null),
            ...(record && isFailing(record) ? { isFailing: true } : {}),
          },
        ]
      : [];
  });
  const ordered = order(known, { now: now.getTime(), limit, recency: policy.recency, asksState: asksForState(query) });
  const { minConfidence = 0 } = policy;
  const isSure = confidence >= minConfidence;
  const packed = pack(
    ordered.map((candidate) => ({
      ...candidate,
      provenance: provenance(documents.get(candidate.id), citations.get(candidate.id), records.get(candidate.id)),
    })),
    new Set(isSure ? ordered.slice(0, limit).map(({ id }) => id) : []),
    { budgetTokens, ...(isSure ? {} : { left: `confidence ${confidence} is below ${minConfidence}` }) },
  );
  const byIndex = fetched?.byIndex ?? null;
  return { found, known, ordered, documents, citations, records, packed, confidence, byIndex };
}

/** Throws InvalidReadError that names the option, what it must be and what was given. */
function assertPolicy(policy: RecallPolicy): void {
  const fault = findPolicyFault(policy);
  if (fault) throw new InvalidReadError(fault.what, fault.expected, fault.given);
}

const dayMs = 86_400_000;

/**
 * What may be found of what is visible; null = all of it.
 * @param firstExpiry when the first of the memories expires, in milliseconds of the epoch
 */
export function wantedBy(
  { policy = {}, excludeTurns = [], now }: RetrieveInput,
  firstExpiry: number,
): ((entry: ShelfEntry) => boolean) | null {
  const { kinds, scopes, sinceDays } = policy;
  const wanted = kinds && kindNames(kinds);
  const since = sinceDays === undefined ? -Infinity : now.getTime() - sinceDays * dayMs;
  const asked = now.getTime();
  if (!kinds && !scopes && sinceDays === undefined && excludeTurns.length === 0 && firstExpiry > asked) return null;
  const places = new Set<string>(scopes);
  return (entry) => {
    if (excludeTurns.includes(entry.turn) || entry.at < since) return false;
    if (entry.expires !== null && entry.expires <= asked) return false;
    if (wanted && !wanted.includes(entry.kind)) return false;
    if (!scopes) return true;
    const { ofUser, agent, thread } = entry;
    return (
      (ofUser && places.has('user')) ||
      (agent !== null && places.has('agent')) ||
      (thread !== null && places.has('thread')) ||
      (!ofUser && agent === null && thread === null && places.has('shared'))
    );
  };
}

type Weighed = RecallCandidate & { readonly relevance: number };

function byRelevance(a: Weighed, b: Weighed): number {
  return b.relevance - a.relevance || (a.entry.id < b.entry.id ? -1 : 1);
}

function toCandidate(
  { entry, features, vector, relevance }: Weighed,
  document: FoundDocument,
  byVector: boolean,
): WeighedCandidate {
  return {
    features,
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
      ...(features.linked > 0 ? { graph: features.linked } : {}),
      ...(byVector && features.cosine >= leastSimilarity ? { vector: features.cosine } : {}),
    },
    vector,
    speaker: entry.speaker,
    held: features.held,
    isUpdate: entry.marks.isUpdate,
  };
}

function degradation(model: string | undefined, missing: number): string[] {
  if (model === undefined) return ['no query vector; searched by words only'];
  return missing > 0 ? [`${missing} memories have no ${model} vector yet; they were searched by words only`] : [];
}

function provenance(
  document: FoundDocument | undefined,
  citation: Citation | undefined,
  record: ProcedureRecord | undefined,
): string {
  if (!document) return '';
  if (citation) {
    const { source, title, section, start, end } = citation;
    const named = [title === null ? '' : `"${title}"`, section].filter((part) => part !== '').map(inLine);
    return [`from ${inLine(source)}`, ...named, `characters ${start} to ${end}`].join(', ');
  }
  const failed =
    record && isFailing(record)
      ? `failed in ${record.failures} of ${record.failures + record.successes} turns, take care; `
      : '';
  // It stands in the prompt: the model is to know whose words these are.
  const heard =
    document.trust !== 'tool_external'
      ? ''
      : document.kind === 'procedure'
        ? ', drawn from tool calls that worked, not told by the user'
        : ', heard from an outside tool, not from the user';
  return `${failed}since ${document.said_at.toISOString().slice(0, 10)}, thread ${document.thread}, turn ${document.turn}${heard}`;
}

/** Names that others gave stay in their place: no line breaks, no page of text. */
function inLine(name: string): string {
  return shorten(name, 200);
}
