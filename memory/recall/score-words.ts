import type { Shelf } from './shelf.ts';
import type { Sight } from './sight.ts';

/** Scores by words of everything on a shelf, by index of entry. */
export interface WordScores {
  /** BM25 of the message. */
  readonly words: Float64Array;
  /** BM25 of the message by what the question is about: its terms without the names of who speaks. */
  readonly topic: Float64Array;
  /** Weight of those terms that the message itself holds. */
  readonly held: Float64Array;
  /** BM25 of the message with the one before and the one after. */
  readonly window: Float64Array;
  /** Weight of the question's terms that the message or one beside it holds. */
  readonly covered: Float64Array;
  /** BM25 of each session, by its number. */
  readonly sessions: Float64Array;
}

const k1 = 0.9;
const b = 0.4;

interface Seen {
  readonly shelf: Shelf;
  readonly sight: Sight;
}

/**
 * Scores what is visible on the shelves by terms (BM25, Robertson and Zaragoza 2009, k1 0.9, b 0.4), with how rare the terms are on all
 * of them together. `total` is the weight of all the terms, `topicTotal` of those that are no names of speakers.
 */
export function scoreWords(
  seen: readonly Seen[],
  terms: ReadonlySet<string>,
  names: ReadonlySet<string>,
): { readonly scores: readonly WordScores[]; readonly total: number; readonly topicTotal: number } {
  const visible = sum(seen, ({ sight }) => sight.visible);
  const average = Math.max(1, sum(seen, ({ sight }) => sight.terms) / Math.max(1, visible));
  const sessionCount = sum(seen, ({ sight }) => sight.sessionCount);
  const perSession = Math.max(1, visible) / Math.max(1, sessionCount);
  const work = seen.map((one) => openWork(one));
  let [total, topicTotal] = [0, 0];
  for (const term of terms) {
    const found = work.map((one) => one.find(term));
    const idf = rarity(
      sum(found, ({ holding }) => holding),
      visible,
    );
    const nearIdf = rarity(
      sum(found, ({ near }) => near),
      visible,
    );
    const sessionIdf = rarity(
      sum(found, ({ sessions }) => sessions),
      sessionCount,
    );
    const isTopic = !names.has(term);
    total += idf;
    if (isTopic) topicTotal += idf;
    for (const one of work) one.add({ isTopic, idf, nearIdf, sessionIdf, average, perSession });
  }
  return { scores: work.map(({ scores }) => scores), total, topicTotal };
}

function openWork({ shelf, sight }: Seen) {
  const size = shelf.entries.length;
  const scores: WordScores = {
    words: new Float64Array(size),
    topic: new Float64Array(size),
    held: new Float64Array(size),
    window: new Float64Array(size),
    covered: new Float64Array(size),
    sessions: new Float64Array(shelf.members.length),
  };
  const { isVisible, before, after } = sight;
  // Of the term that is looked at, in lists that are emptied by hand: most terms stand in few places.
  const nearCounts = new Int32Array(size);
  const near = new Int32Array(size);
  const sessionCounts = new Int32Array(shelf.members.length);
  const sessions = new Int32Array(shelf.members.length);
  let [nearSize, sessionSize] = [0, 0];
  let places: Int32Array = near;
  let placed = 0;
  const touch = (index: number, count: number): void => {
    if (nearCounts[index] === 0) near[nearSize++] = index;
    nearCounts[index] = (nearCounts[index] ?? 0) + count;
  };
  return {
    scores,
    /** Finds where a term stands; gives in how many entries, windows and sessions. */
    find(term: string): { holding: number; near: number; sessions: number } {
      const posting = shelf.postings.get(term);
      [nearSize, sessionSize, placed] = [0, 0, 0];
      if (!posting) return { holding: 0, near: 0, sessions: 0 };
      let holding = 0;
      places = posting.values;
      placed = posting.size;
      for (let at = 0; at < placed; at += 2) {
        const index = places[at] ?? 0;
        if (isVisible[index] !== 1) continue;
        const count = places[at + 1] ?? 0;
        holding += 1;
        touch(index, count);
        const [previous, next] = [before[index] ?? -1, after[index] ?? -1];
        if (previous !== -1) touch(previous, count);
        if (next !== -1) touch(next, count);
        const session = shelf.sessions.values[index] ?? -1;
        if (session === -1) continue;
        if (sessionCounts[session] === 0) sessions[sessionSize++] = session;
        sessionCounts[session] = (sessionCounts[session] ?? 0) + count;
      }
      return { holding, near: nearSize, sessions: sessionSize };
    },
    /** Adds what the term found is worth. */
    add({ isTopic, idf, nearIdf, sessionIdf, average, perSession }: Worth): void {
      const { words, topic, held, window, covered } = scores;
      for (let at = 0; at < placed; at += 2) {
        const index = places[at] ?? 0;
        if (isVisible[index] !== 1) continue;
        const length = (shelf.lengths.values[index] ?? 0) / average;
        const worth = idf * saturate(places[at + 1] ?? 0, length);
        words[index] = (words[index] ?? 0) + worth;
        if (!isTopic) continue;
        topic[index] = (topic[index] ?? 0) + worth;
        held[index] = (held[index] ?? 0) + idf;
      }
      for (let at = 0; at < nearSize; at++) {
        const index = near[at] ?? 0;
        window[index] = (window[index] ?? 0) + nearIdf * saturate(nearCounts[index] ?? 0, 1);
        covered[index] = (covered[index] ?? 0) + idf;
        nearCounts[index] = 0;
      }
      for (let at = 0; at < sessionSize; at++) {
        const session = sessions[at] ?? 0;
        const length = (sight.sessionSizes[session] ?? 0) / perSession;
        scores.sessions[session] =
          (scores.sessions[session] ?? 0) + sessionIdf * saturate(sessionCounts[session] ?? 0, length);
        sessionCounts[session] = 0;
      }
    },
  };
}

interface Worth {
  readonly isTopic: boolean;
  readonly idf: number;
  readonly nearIdf: number;
  readonly sessionIdf: number;
  /** Terms of a memory on average. */
  readonly average: number;
  /** Memories of a session on average. */
  readonly perSession: number;
}

function rarity(holding: number, all: number): number {
  return Math.log(1 + (all - holding + 0.5) / (holding + 0.5));
}

function saturate(count: number, length: number): number {
  return (count * (k1 + 1)) / (count + k1 * (1 - b + b * length));
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0);
}
