import type { EntityNames } from '../entities/names.ts';
import { separateNames } from '../entities/names.ts';
import type { FeatureName } from './features.ts';
import type { ReachedEntries } from './graph.ts';
import { walkLinks } from './graph.ts';
import type { WordScores } from './score-words.ts';
import { scoreWords } from './score-words.ts';
import type { Cosines, FetchedVectors } from './score-vectors.ts';
import { scoreVectors } from './score-vectors.ts';
import type { Shelf, ShelfEntry } from './shelf.ts';
import { keptElsewhere, namesSpeaker } from './shelf.ts';
import type { Sight, View } from './sight.ts';
import { sightOf } from './sight.ts';
import { termsOf, wordsOf } from './terms.ts';
import { createTop } from './top.ts';

/** What is asked. */
export interface RecallQuery {
  readonly text: string;
  /** Unit vector of the text; null searches by words only. */
  readonly vector: Float32Array | null;
  /** Time that the query speaks of, in milliseconds of the epoch, both ends included. @default none */
  readonly during?: { readonly from: number; readonly to: number } | null;
  /** Which names are of one thing. @default every name stands for itself */
  readonly names?: EntityNames;
  /** Candidates to give features to. @default 400 */
  readonly depth?: number;
  /** What may be found, of what is visible; the rest still counts in the statistics. @default all */
  readonly isWanted?: ((entry: ShelfEntry) => boolean) | null;
}

/** A memory that a channel found, with what ranking knows of it. */
export interface RecallCandidate {
  readonly entry: ShelfEntry;
  readonly features: Readonly<Record<FeatureName, number>>;
  /** Its unit vector, where one is attached. */
  readonly vector: Float32Array | null;
}

/** How well a query is covered at all. */
export interface QueryStrength {
  /** Share of the query's weight of words (by rarity) that the best message or its neighbours hold, 0 to 1. */
  readonly coverage: number;
  /** Cosine of the nearest memory; 0 without a vector. */
  readonly nearest: number;
}

/** What a search found. */
export interface RecallFound {
  readonly candidates: RecallCandidate[];
  readonly strength: QueryStrength;
  /** Memories that were searched. */
  readonly visible: number;
  /** Of them, those that have no vector of the query's length. */
  readonly withoutVector: number;
}

/** An entry of one of the shelves that are searched: the number of the shelf, and the entry's index there. */
export interface ShelfPlace {
  readonly s: number;
  readonly index: number;
}

/** A search of which the words are scored. Vectors that are kept elsewhere may be fetched before it is ended. */
export interface BegunSearch {
  /** Entries of a shelf that may be found and whose vectors are kept elsewhere. */
  elsewhere(s: number): number[];
  /** Says whether an entry may be found. */
  isWanted(place: ShelfPlace): boolean;
  /** Entries that go on for their words, and those that hang together with what is named. */
  byWords(): ShelfPlace[];
  /** Entries that are nearest of those whose vectors are on the shelves. */
  nearOnShelves(): ShelfPlace[];
  /** The visible entries before and after this one in its session. */
  beside(place: ShelfPlace): ShelfPlace[];
  /** Ends the search. @param fetched vectors that are kept elsewhere @default none */
  end(fetched?: FetchedVectors | null): RecallFound;
}

interface Worded {
  readonly shelf: Shelf;
  readonly sight: Sight;
  readonly scores: WordScores;
  /** 1 for each entry that may be found. */
  readonly isWanted: Uint8Array;
}

interface Searched extends Worded {
  readonly cosines: Cosines | null;
}

/** The highest scores of all that is visible, by which those of a candidate are measured. */
interface Best {
  readonly words: number;
  readonly topic: number;
  readonly window: number;
  readonly session: number;
  readonly nearest: number;
  /** Weight of all terms of the question. */
  readonly total: number;
  /** Of those that are no names of speakers. */
  readonly topicTotal: number;
  readonly coverage: number;
}

/**
 * Finds candidates on the shelves by words (BM25 of the message, of it with its neighbours, and of its session) and by vector, each with its
 * features. Statistics are those of what is visible, so a search as of a position gives what a store cut there would give.
 */
export function searchShelves(shelves: readonly Shelf[], query: RecallQuery, view: View): RecallFound {
  return beginSearch(shelves, query, view).end();
}

/** Scores the words of the same search. */
export function beginSearch(shelves: readonly Shelf[], query: RecallQuery, view: View): BegunSearch {
  const seen = shelves.map((shelf) => ({ shelf, sight: sightOf(shelf, view) }));
  const asked = new Set(wordsOf(query.text));
  const speakers = new Set(seen.flatMap(({ sight }) => sight.speakers));
  const named = new Set([...speakers].filter((speaker) => namesSpeaker(asked, speaker)));
  const names = new Set([...named].flatMap((speaker) => termsOf(speaker)));
  const { scores, total, topicTotal } = scoreWords(seen, new Set(termsOf(query.text)), names);
  const { vector, isWanted = null, depth = 400 } = query;
  const reached = walkLinks(seen, query.text, query.names ?? separateNames);
  const half = Math.ceil(depth / 2);
  const worded = seen.map(({ shelf, sight }, s): Worded => {
    const own = scores[s];
    if (!own) throw new Error('A shelf was not scored.');
    return { shelf, sight, scores: own, isWanted: isWanted ? restrict(shelf, sight, isWanted) : sight.isVisible };
  });
  const covered = most(worded.map((one) => one.scores.covered));
  const bestWords = {
    words: most(worded.map((one) => one.scores.words)) || 1,
    topic: most(worded.map((one) => one.scores.topic)) || 1,
    window: most(worded.map((one) => one.scores.window)) || 1,
    session: most(worded.map((one) => one.scores.sessions)) || 1,
    total,
    topicTotal,
    coverage: total === 0 ? 0 : covered / total,
  };
  let chosen: ShelfPlace[] | null = null;
  const byWords = (): ShelfPlace[] =>
    (chosen ??= joined(pickByWords(worded, bestWords, half), pickByLinks(worded, reached, half)));
  return {
    elsewhere(s) {
      const one = worded[s];
      const { values = new Int32Array() } = one?.shelf.rows ?? {};
      const found: number[] = [];
      for (let index = 0; index < (one?.isWanted.length ?? 0); index++)
        if (one?.isWanted[index] === 1 && values[index] === keptElsewhere) found.push(index);
      return found;
    },
    isWanted: ({ s, index }) => worded[s]?.isWanted[index] === 1,
    byWords,
    nearOnShelves: () =>
      vector === null
        ? []
        : pickByVector(
            worded.map((one) => ({ ...one, cosines: scoreVectors(one, vector, one.isWanted) })),
            half,
          ),
    beside: ({ s, index }) => {
      const { before, after } = worded[s]?.sight ?? {};
      return [before?.[index] ?? -1, after?.[index] ?? -1].flatMap((at) => (at === -1 ? [] : [{ s, index: at }]));
    },
    end(fetched = null) {
      const searched = worded.map((one, s): Searched => {
        const own = fetched && { vectors: fetched.vectors, near: fetched.near[s] ?? [] };
        return { ...one, cosines: vector ? scoreVectors(one, vector, one.isWanted, own) : null };
      });
      const best = {
        ...bestWords,
        nearest: most(searched.map(({ cosines }) => cosines?.cosines ?? new Float64Array())),
      };
      const describe = describer(searched, query, { best, named, fetched, reached });
      return {
        candidates: joined(byWords(), pickByVector(searched, half)).map(describe),
        strength: { coverage: best.coverage, nearest: best.nearest },
        visible: searched.reduce((sum, { sight }) => sum + sight.visible, 0),
        withoutVector: searched.reduce((sum, { cosines }) => sum + (cosines?.missing ?? 0), 0),
      };
    },
  };
}

function restrict(shelf: Shelf, { isVisible }: Sight, isWanted: (entry: ShelfEntry) => boolean): Uint8Array {
  const wanted = new Uint8Array(isVisible.length);
  for (let index = 0; index < wanted.length; index++) {
    const entry = shelf.entries[index];
    if (isVisible[index] === 1 && entry && isWanted(entry)) wanted[index] = 1;
  }
  return wanted;
}

function most(lists: readonly Float64Array[]): number {
  let best = 0;
  for (const list of lists) {
    for (let at = 0; at < list.length; at++) {
      const value = list[at] ?? 0;
      if (value > best) best = value;
    }
  }
  return best;
}

/** The best by a plain mix of words, window and session. */
function pickByWords(worded: readonly Worded[], best: Omit<Best, 'nearest'>, most: number): ShelfPlace[] {
  const lists = worded.map(({ shelf, scores, isWanted }) => {
    const { words, window, sessions } = scores;
    const top = createTop(most);
    for (let index = 0; index < window.length; index++) {
      const near = window[index] ?? 0;
      if (near === 0 || isWanted[index] !== 1) continue;
      const session = sessions[shelf.sessions.values[index] ?? -1] ?? 0;
      const lexical = (words[index] ?? 0) / best.words + near / best.window + (0.5 * session) / best.session;
      top.offer(index, lexical);
    }
    return top.list();
  });
  return firstOf(lists, most);
}

/** The best of what facts lead to. */
function pickByLinks(worded: readonly Worded[], reached: ReachedEntries | null, most: number): ShelfPlace[] {
  const lists = worded.map(({ isWanted }, s) => {
    const top = createTop(most);
    for (const [index, { score }] of reached?.[s] ?? []) if (isWanted[index] === 1) top.offer(index, score);
    return top.list();
  });
  return firstOf(lists, most);
}

/** The nearest by cosine. */
function pickByVector(searched: readonly Searched[], most: number): ShelfPlace[] {
  const lists = searched.map(({ cosines }) => {
    const top = createTop(most);
    cosines?.near.forEach((index, at) => {
      const cosine = cosines.cosines[at] ?? 0;
      if (cosine > 0) top.offer(index, cosine);
    });
    return top.list();
  });
  return firstOf(lists, most);
}

function firstOf(lists: readonly (readonly { place: number; score: number }[])[], most: number): ShelfPlace[] {
  const found = lists.flatMap((list, s) => list.map(({ place, score }) => ({ s, index: place, score })));
  found.sort((x, y) => y.score - x.score || x.s - y.s || x.index - y.index);
  return found.slice(0, most);
}

/** Each place once, in order of first mention. */
function joined(...channels: readonly (readonly ShelfPlace[])[]): ShelfPlace[] {
  const chosen = new Map<string, ShelfPlace>();
  for (const { s, index } of channels.flat()) chosen.set(`${s}/${index}`, { s, index });
  return [...chosen.values()];
}

/** Gives what says all that ranking wants to know of a candidate. */
function describer(
  searched: readonly Searched[],
  { text, during }: RecallQuery,
  {
    best,
    named,
    fetched,
    reached,
  }: {
    readonly best: Best;
    readonly named: ReadonlySet<string>;
    readonly fetched: FetchedVectors | null;
    readonly reached: ReachedEntries | null;
  },
): (candidate: ShelfPlace) => RecallCandidate {
  const asksWhen = /\b(when|what (time|date|day|month|year)|how long)\b/i.test(text);
  const asksHowMany = /\b(how (many|much)|what (is|was) the (number|amount|percentage|score|size))\b/i.test(text);
  const first = Math.min(...searched.map(({ sight }) => sight.first));
  const last = Math.max(...searched.map(({ sight }) => sight.last));
  const { coverage, nearest } = best;
  return ({ s, index }) => {
    const one = searched[s];
    const entry = one?.shelf.entries[index];
    if (!one || !entry) throw new Error('A candidate is on no shelf.');
    const { scores, cosines, sight, shelf } = one;
    const [previous, next] = [sight.before[index] ?? -1, sight.after[index] ?? -1];
    const around = [previous, next].filter((other) => other !== -1);
    const wordsAt = (other: number): number => (scores.words[other] ?? 0) / best.words;
    const cosineOf = (other: number): number => Math.max(0, cosines?.of(other) ?? 0);
    const cosine = cosineOf(index);
    const windowCosine = around.reduce((sum, other) => sum + cosineOf(other), cosine) / (around.length + 1);
    const wordShare = wordsAt(index);
    const topic = (scores.topic[index] ?? 0) / best.topic;
    const nearness = nearest > 0 ? cosine / nearest : 0;
    const author = entry.speaker !== null && named.has(entry.speaker);
    const { marks } = entry;
    const features: Record<FeatureName, number> = {
      words: wordShare,
      window: (scores.window[index] ?? 0) / best.window,
      session: (scores.sessions[shelf.sessions.values[index] ?? -1] ?? 0) / best.session,
      neighbour: Math.max(0, ...around.map(wordsAt)),
      topic,
      held: best.topicTotal === 0 ? 0 : (scores.held[index] ?? 0) / best.topicTotal,
      answers: shelf.entries[previous]?.marks.isQuestion === true ? wordsAt(previous) : 0,
      covers: best.total === 0 ? 0 : (scores.covered[index] ?? 0) / best.total,
      cosine,
      nearness,
      windowCosine: nearest > 0 ? windowCosine / nearest : 0,
      author: author ? 1 : 0,
      otherAuthor: named.size > 0 && entry.speaker !== null && !author ? 1 : 0,
      during: during && entry.at >= during.from && entry.at <= during.to ? 1 : 0,
      length: Math.log(1 + (shelf.lengths.values[index] ?? 0)) / 5,
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
      linked: reached?.[s]?.get(index)?.score ?? 0,
    };
    return { entry, features, vector: shelf.vectorOf(index) ?? fetched?.vectors.get(entry.textHash) ?? null };
  };
}
