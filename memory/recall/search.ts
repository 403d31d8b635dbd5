import type { FeatureName } from './features.ts';
import type { Shelf, ShelfEntry } from './shelf.ts';
import { namesSpeaker } from './shelf.ts';
import { termsOf, wordsOf } from './terms.ts';

/** What is asked. */
export interface RecallQuery {
  readonly text: string;
  /** Unit vector of the text; null searches by words only. */
  readonly vector: Float32Array | null;
  /** Time that the query speaks of, in milliseconds of the epoch, both ends included. @default none */
  readonly during?: { readonly from: number; readonly to: number } | null;
  /** Candidates to give features to. @default 400 */
  readonly depth?: number;
}

/** A memory that a channel found, with what ranking knows of it. */
export interface RecallCandidate {
  readonly entry: ShelfEntry;
  readonly features: Readonly<Record<FeatureName, number>>;
}

/** How well a query is covered at all. */
export interface QueryStrength {
  /** Share of the query's weight of words (by rarity) that the best message or its neighbours hold, 0 to 1. */
  readonly coverage: number;
  /** Cosine of the nearest memory; 0 without a vector. */
  readonly nearest: number;
}

const k1 = 0.9;
const b = 0.4;

interface Scratch {
  readonly shelf: Shelf;
  readonly isVisible: Uint8Array;
  readonly words: Float64Array;
  readonly window: Float64Array;
  readonly covered: Float64Array;
  readonly sessions: Map<number[], number>;
  /** Sessions with something visible, and how many messages that is. */
  readonly sessionSizes: ReadonlyMap<number[], number>;
}

/**
 * Finds candidates on the shelves by words (BM25 of the message, of it with its neighbours, and of its session) and by vector, each with its
 * features. Statistics are those of what is visible, so a search as of a position gives what a store cut there would give.
 */
export function searchShelves(
  shelves: readonly Shelf[],
  query: RecallQuery,
  isVisible: (entry: ShelfEntry) => boolean,
): {
  readonly candidates: RecallCandidate[];
  readonly strength: QueryStrength;
  readonly visible: number;
  readonly withoutVector: number;
} {
  let visible = 0;
  let withoutVector = 0;
  let terms = 0;
  let [first, last] = [Infinity, -Infinity];
  const scratches = shelves.map((shelf): Scratch => {
    const size = shelf.entries.length;
    const mask = new Uint8Array(size);
    const seen = new Map<number[], number>();
    for (let i = 0; i < size; i++) {
      const entry = shelf.entries[i];
      if (!entry || !isVisible(entry)) continue;
      mask[i] = 1;
      if (entry.session !== null) seen.set(entry.neighbours, (seen.get(entry.neighbours) ?? 0) + 1);
      visible += 1;
      if (entry.vector?.length !== query.vector?.length) withoutVector += 1;
      terms += entry.length;
      if (entry.at < first) first = entry.at;
      if (entry.at > last) last = entry.at;
    }
    return {
      shelf,
      isVisible: mask,
      words: new Float64Array(size),
      window: new Float64Array(size),
      covered: new Float64Array(size),
      sessions: new Map(),
      sessionSizes: seen,
    };
  });
  const average = Math.max(1, terms / Math.max(1, visible));
  const total = scoreWords(scratches, new Set(termsOf(query.text)), { visible, average });
  const cosines = query.vector
    ? scratches.map((scratch) => scoreVectors(scratch, query.vector ?? new Float32Array()))
    : [];
  return { ...describe(scratches, cosines, query, { total, first, last }), visible, withoutVector };
}

function scoreWords(
  scratches: readonly Scratch[],
  terms: ReadonlySet<string>,
  { visible, average }: { visible: number; average: number },
): number {
  let total = 0;
  for (const term of terms) {
    const inTurn: number[] = [];
    const near = scratches.map(() => new Map<number, number>());
    const inSession = new Map<number[], number>();
    let holding = 0;
    scratches.forEach((scratch, s) => {
      const posting = scratch.shelf.postings.get(term);
      if (!posting) return;
      for (let p = 0; p < posting.entries.length; p++) {
        const index = posting.entries[p] ?? 0;
        if (scratch.isVisible[index] !== 1) continue;
        const count = posting.counts[p] ?? 0;
        holding += 1;
        inTurn.push(s, index, count);
        const entry = scratch.shelf.entries[index];
        if (!entry) continue;
        const map = near[s];
        if (map) for (const other of windowOf(scratch, entry, index)) map.set(other, (map.get(other) ?? 0) + count);
        if (entry.session !== null) inSession.set(entry.neighbours, (inSession.get(entry.neighbours) ?? 0) + count);
      }
    });
    const idf = Math.log(1 + (visible - holding + 0.5) / (holding + 0.5));
    total += idf;
    for (let i = 0; i < inTurn.length; i += 3) {
      const scratch = scratches[inTurn[i] ?? 0];
      const index = inTurn[i + 1] ?? 0;
      if (!scratch) continue;
      const length = scratch.shelf.entries[index]?.length ?? 0;
      scratch.words[index] = (scratch.words[index] ?? 0) + idf * saturate(inTurn[i + 2] ?? 0, length / average);
    }
    const nearHolding = near.reduce((sum, map) => sum + map.size, 0);
    const nearIdf = Math.log(1 + (visible - nearHolding + 0.5) / (nearHolding + 0.5));
    near.forEach((map, s) => {
      const scratch = scratches[s];
      if (!scratch) return;
      for (const [index, count] of map) {
        scratch.window[index] = (scratch.window[index] ?? 0) + nearIdf * saturate(count, 1);
        scratch.covered[index] = (scratch.covered[index] ?? 0) + idf;
      }
    });
    const all = scratches.reduce((sum, { sessionSizes }) => sum + sessionSizes.size, 0);
    const sessionIdf = Math.log(1 + (all - inSession.size + 0.5) / (inSession.size + 0.5));
    const [{ sessions } = { sessions: new Map<number[], number>() }] = scratches;
    for (const [session, count] of inSession) {
      const size = scratches.reduce((sum, { sessionSizes }) => sum + (sessionSizes.get(session) ?? 0), 0);
      const length = (size * Math.max(1, all)) / Math.max(1, visible);
      sessions.set(session, (sessions.get(session) ?? 0) + sessionIdf * saturate(count, length));
    }
  }
  return total;
}

function saturate(count: number, length: number): number {
  return (count * (k1 + 1)) / (count + k1 * (1 - b + b * length));
}

/** A message, the visible one before it and the visible one after it. */
function windowOf(scratch: Scratch, entry: ShelfEntry, index: number): number[] {
  const { neighbours, place } = entry;
  if (neighbours.length === 1) return [index];
  const found = [index];
  for (let at = place - 1; at >= 0; at--) {
    const other = neighbours[at] ?? -1;
    if (scratch.isVisible[other] !== 1) continue;
    found.push(other);
    break;
  }
  for (let at = place + 1; at < neighbours.length; at++) {
    const other = neighbours[at] ?? -1;
    if (scratch.isVisible[other] !== 1) continue;
    found.push(other);
    break;
  }
  return found;
}

function scoreVectors({ shelf, isVisible }: Scratch, query: Float32Array): Float64Array {
  const cosines = new Float64Array(shelf.entries.length);
  for (let i = 0; i < cosines.length; i++) {
    const vector = shelf.entries[i]?.vector;
    if (isVisible[i] !== 1 || !vector || vector.length !== query.length) continue;
    let sum = 0;
    for (let d = 0; d < query.length; d++) sum += (vector[d] ?? 0) * (query[d] ?? 0);
    cosines[i] = sum;
  }
  return cosines;
}

function describe(
  scratches: readonly Scratch[],
  cosines: readonly Float64Array[],
  query: RecallQuery,
  { total, first, last }: { total: number; first: number; last: number },
): { candidates: RecallCandidate[]; strength: QueryStrength } {
  const sessions = scratches[0]?.sessions ?? new Map<number[], number>();
  const most = (arrays: readonly Float64Array[]): number =>
    arrays.reduce((m, a) => a.reduce((n, v) => Math.max(n, v), m), 0);
  const mostWords = most(scratches.map(({ words }) => words)) || 1;
  const mostWindow = most(scratches.map(({ window }) => window)) || 1;
  const mostSession = Math.max(...sessions.values(), 0) || 1;
  const nearest = most(cosines);
  const coverage = total === 0 ? 0 : most(scratches.map(({ covered }) => covered)) / total;
  const strength = { coverage, nearest };
  const depth = query.depth ?? 400;
  const picked = pick(scratches, cosines, { mostWords, mostWindow, mostSession, sessions, depth });
  const words = new Set(wordsOf(query.text));
  const asksWhen = /\b(when|what (time|date|day|month|year)|how long)\b/i.test(query.text);
  const asksHowMany = /\b(how (many|much)|what (is|was) the (number|amount|percentage|score|size))\b/i.test(query.text);
  const named = new Map<string, boolean>();
  const isNamed = (speaker: string): boolean => {
    const known = named.get(speaker) ?? namesSpeaker(words, speaker);
    named.set(speaker, known);
    return known;
  };
  for (const { shelf, isVisible } of scratches) {
    shelf.entries.forEach(({ speaker }, index) => {
      if (speaker !== null && isVisible[index] === 1) isNamed(speaker);
    });
  }
  const anyNamed = [...named.values()].some(Boolean);
  const candidates = picked.map(({ s, index }): RecallCandidate => {
    const scratch = scratches[s];
    const entry = scratch?.shelf.entries[index];
    if (!scratch || !entry) throw new Error('A candidate is on no shelf.');
    const around = windowOf(scratch, entry, index).slice(1);
    const best = around.reduce((m, other) => Math.max(m, scratch.words[other] ?? 0), 0);
    const cosine = Math.max(0, cosines[s]?.[index] ?? 0);
    const own = [index, ...around].map((other) => Math.max(0, cosines[s]?.[other] ?? 0));
    const windowCosine = own.reduce((sum, value) => sum + value, 0) / own.length;
    const wordShare = (scratch.words[index] ?? 0) / mostWords;
    const nearness = nearest > 0 ? cosine / nearest : 0;
    const author = entry.speaker !== null && isNamed(entry.speaker);
    const { marks } = entry;
    const features: Record<FeatureName, number> = {
      words: wordShare,
      window: (scratch.window[index] ?? 0) / mostWindow,
      session: (sessions.get(entry.neighbours) ?? 0) / mostSession,
      neighbour: best / mostWords,
      covers: total === 0 ? 0 : (scratch.covered[index] ?? 0) / total,
      cosine,
      nearness,
      windowCosine: nearest > 0 ? windowCosine / nearest : 0,
      author: author ? 1 : 0,
      otherAuthor: anyNamed && entry.speaker !== null && !author ? 1 : 0,
      during: query.during && entry.at >= query.during.from && entry.at <= query.during.to ? 1 : 0,
      length: Math.log(1 + entry.length) / 5,
      question: marks.isQuestion ? 1 : 0,
      time: asksWhen && marks.namesTime ? 1 : 0,
      reply: marks.isReply ? 1 : 0,
      instruction: marks.isInstruction ? 1 : 0,
      update: marks.isUpdate ? 1 : 0,
      number: asksHowMany && marks.hasNumber ? 1 : 0,
      recency: last > first ? (entry.at - first) / (last - first) : 0,
      weakWords: (1 - coverage) * wordShare,
      weakCosine: (1 - coverage) * cosine,
      weakNearness: (1 - coverage) * nearness,
    };
    return { entry, features };
  });
  return { candidates, strength };
}

/** The best of the channels, by a plain mix for words and by cosine for vectors. */
function pick(
  scratches: readonly Scratch[],
  cosines: readonly Float64Array[],
  most: { mostWords: number; mostWindow: number; mostSession: number; sessions: Map<number[], number>; depth: number },
): { s: number; index: number }[] {
  const found: { s: number; index: number; lexical: number; cosine: number }[] = [];
  scratches.forEach(({ shelf, words, window }, s) => {
    for (let index = 0; index < words.length; index++) {
      const cosine = cosines[s]?.[index] ?? 0;
      const near = window[index] ?? 0;
      if (near === 0 && cosine <= 0) continue;
      const session = most.sessions.get(shelf.entries[index]?.neighbours ?? []) ?? 0;
      const lexical =
        (words[index] ?? 0) / most.mostWords + near / most.mostWindow + (0.5 * session) / most.mostSession;
      found.push({ s, index, lexical: near === 0 ? 0 : lexical, cosine });
    }
  });
  const chosen = new Map<string, { s: number; index: number }>();
  const half = Math.ceil(most.depth / 2);
  for (const by of ['lexical', 'cosine'] as const) {
    found.sort((x, y) => y[by] - x[by] || x.s - y.s || x.index - y.index);
    for (const one of found.slice(0, half)) if (one[by] > 0) chosen.set(`${one.s}/${one.index}`, one);
  }
  return [...chosen.values()];
}
