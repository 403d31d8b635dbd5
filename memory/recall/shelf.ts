import type { Column } from './column.ts';
import { createColumn, push } from './column.ts';
import type { FactLink } from './graph.ts';
import { linkOf } from './graph.ts';
import { marksOf } from './marks.ts';
import type { TextMarks } from './marks.ts';
import type { Sight } from './sight.ts';
import { termsOf, wordsOf } from './terms.ts';
import type { VectorRows } from './vectors.ts';
import { createVectorRows } from './vectors.ts';

/** A memory as it is put on a shelf. */
export interface ShelfItem {
  readonly id: string;
  readonly kind: string;
  /** With the name of who said it. */
  readonly text: string;
  readonly textHash: string;
  /** Who said it, where somebody did. */
  readonly speaker: string | null;
  /** Messages of one session, and chunks of one document, stand beside each other; null for what stands alone (facts, how-tos). */
  readonly session: string | null;
  /** When it was said or began to hold, in milliseconds of the epoch. */
  readonly at: number;
  /** When it is recalled no more, in milliseconds of the epoch; null = never. */
  readonly expires: number | null;
  /** Positions of the log between which it holds. */
  readonly from: number;
  readonly to: number | null;
  readonly fork: string;
  /** True for what belongs to a user. */
  readonly ofUser: boolean;
  readonly agent: string | null;
  readonly thread: string | null;
  readonly turn: string;
  /** What a fact says, for the walk along facts. @default no fact */
  readonly fact?: { readonly subject: string; readonly relation: string; readonly value: string } | null;
}

/** A memory on a shelf: what ranking needs to know of it, without its text. */
export interface ShelfEntry extends Omit<ShelfItem, 'text' | 'to' | 'fact'> {
  to: number | null;
  /** The names that a fact links; null for what is none. */
  readonly link: FactLink | null;
  readonly marks: TextMarks;
}

/** Memories of one scope in the form in which they are searched. An entry is named by its index, which never changes. */
export interface Shelf {
  readonly entries: readonly ShelfEntry[];
  /** Length of each entry in terms. */
  readonly lengths: Column;
  /** Number of each entry's session, -1 without one. */
  readonly sessions: Column;
  /** Entries of each session, in order of time, then of the log. */
  readonly members: readonly (readonly number[])[];
  /** Where a term stands: index of an entry and how often it holds it, in turns, in order of index. */
  readonly postings: ReadonlyMap<string, Column>;
  /** Facts by the names that they link, normalised: indexes of entries, in order. */
  readonly links: ReadonlyMap<string, readonly number[]>;
  /** The vectors of one model; null while there are none. */
  readonly vectors: VectorRows | null;
  /** Row of each entry's vector, -1 without one, -2 when it is kept elsewhere. Equal texts share a row. */
  readonly rows: Column;
  /** The last position of the log that changed anything here. */
  readonly changedAt: number;
  /** When the first of its entries expires, in milliseconds of the epoch; Infinity = none does. */
  readonly firstExpiry: number;
  /** How often anything that is seen changed. */
  readonly version: number;
  /** What readers saw of it lately (sight.ts). */
  readonly sights: Map<string, { readonly version: number; readonly sight: Sight }>;
  /** About how much memory it takes. */
  readonly bytes: number;
  /** Puts memories on the shelf; one that is there already (same id, fork and beginning) only learns when it ended. */
  put(items: readonly ShelfItem[]): void;
  /** What was said in a turn: indexes of entries. */
  saidIn(turn: string): readonly number[];
  /** Attaches the vectors of texts; ones of other texts are left out. */
  attach(vectors: ReadonlyMap<string, Float32Array>): void;
  /** Notes texts whose vectors are kept elsewhere, to be fetched when they are needed. */
  leave(hashes: readonly string[]): void;
  /** Entries with this text. */
  withText(hash: string): readonly number[];
  /** The vector of an entry, not copied; null without one. */
  vectorOf(index: number): Float32Array | null;
  /**
   * Digests of texts without a vector: those that were not asked for yet, and of those that were, the ones asked for longest ago. `more`
   * says that some are left that were not asked for yet, `isFirst` that some of these were not.
   */
  withoutVector(limit: number): { readonly hashes: string[]; readonly more: boolean; readonly isFirst: boolean };
  /** Notes texts of which asking failed: they count as not asked for yet. */
  askAnew(hashes: readonly string[]): void;
  /** Lets go of all vectors, for those of another model. */
  forgetVectors(): void;
}

/** Row of an entry whose vector is kept elsewhere. */
export const keptElsewhere = -2;

/** About what an entry takes besides its text, postings and vector: its strings, its places in maps and columns. Measured. */
const bytesPerEntry = 1_200;

/** Opens an empty shelf. */
export function createShelf(): Shelf {
  const entries: ShelfEntry[] = [];
  const lengths = createColumn();
  const sessions = createColumn();
  const rows = createColumn();
  const members: number[][] = [];
  const places = new Map<string, number>();
  const postings = new Map<string, Column>();
  const links = new Map<string, number[]>();
  /** Messages by turn, made when somebody first asks, and up to the entry that came last then. */
  const turns = new Map<string, number[]>();
  let turnsUpTo = 0;
  const sessionNumbers = new Map<string, number>();
  const byHash = new Map<string, number[]>();
  /** Texts without a vector that were asked for, and those that were not yet. */
  const bare = new Set<string>();
  const fresh = new Set<string>();
  const sights: Shelf['sights'] = new Map();
  let vectors: VectorRows | null = null;
  let [version, changedAt, postingBytes, firstExpiry] = [0, 0, 0, Infinity];

  const add = (item: ShelfItem): void => {
    changedAt = Math.max(changedAt, item.from, item.to ?? 0);
    const key = `${item.id}\u0000${item.fork}\u0000${item.from}`;
    const known = places.get(key);
    if (known !== undefined) {
      const entry = entries[known];
      // A reader that began earlier may bring an older state of it.
      if (!entry || item.to === null || entry.to === item.to) return;
      entry.to = item.to;
      version += 1;
      return;
    }
    version += 1;
    const index = entries.length;
    places.set(key, index);
    const { text, fact = null, ...rest } = item;
    const link = linkOf(fact);
    for (const name of link === null ? [] : new Set([link.subject, link.value])) {
      const own = links.get(name);
      if (own) own.push(index);
      else links.set(name, [index]);
    }
    const terms = [...termsOf(text), ...dateTerms(item.at)];
    entries.push({ ...rest, link, marks: marksOf(item) });
    firstExpiry = Math.min(firstExpiry, item.expires ?? Infinity);
    push(lengths, terms.length);
    push(sessions, item.session === null ? -1 : sessionNumber(item));
    if (item.session !== null) insert(entries, members[sessions.values[index] ?? -1] ?? [], index);
    const counts = new Map<string, number>();
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    for (const [term, count] of counts) {
      let posting = postings.get(term);
      if (!posting) {
        posting = createColumn(4);
        postings.set(term, posting);
        postingBytes += 200;
      }
      push(posting, index);
      push(posting, count);
      postingBytes += 10;
    }
    const same = byHash.get(item.textHash) ?? [];
    byHash.set(item.textHash, same);
    const [twin] = same;
    const row = twin === undefined ? -1 : (rows.values[twin] ?? -1);
    same.push(index);
    push(rows, row);
    if (row === -1 && !bare.has(item.textHash)) fresh.add(item.textHash);
  };
  const sessionNumber = (item: ShelfItem): number => {
    const key = JSON.stringify([item.session, item.fork, item.agent, item.thread]);
    const known = sessionNumbers.get(key);
    if (known !== undefined) return known;
    sessionNumbers.set(key, members.length);
    members.push([]);
    return members.length - 1;
  };

  return {
    entries,
    lengths,
    sessions,
    members,
    postings,
    links,
    rows,
    sights,
    get vectors() {
      return vectors;
    },
    get version() {
      return version;
    },
    get firstExpiry() {
      return firstExpiry;
    },
    get changedAt() {
      return changedAt;
    },
    get bytes() {
      const perVector = vectors ? vectors.dimensions * 4 + vectors.dimensions / 8 : 0;
      return Math.round(entries.length * bytesPerEntry + postingBytes + (vectors?.size ?? 0) * perVector);
    },
    put: (items) => {
      for (const item of items) add(item);
    },
    saidIn: (turn) => {
      for (; turnsUpTo < entries.length; turnsUpTo++) {
        const entry = entries[turnsUpTo];
        if (!entry || entry.speaker === null) continue;
        const own = turns.get(entry.turn);
        if (own) own.push(turnsUpTo);
        else turns.set(entry.turn, [turnsUpTo]);
      }
      return turns.get(turn) ?? [];
    },
    attach: (given) => {
      for (const [hash, vector] of given) {
        const same = byHash.get(hash) ?? [];
        const [first] = same;
        // Attached by another reader meanwhile, or of another length than the rest: a model has one.
        if (first === undefined || rows.values[first] !== -1) continue;
        vectors ??= createVectorRows(vector.length);
        if (vectors.dimensions !== vector.length) continue;
        const row = vectors.add(vector);
        for (const index of same) rows.values[index] = row;
        bare.delete(hash);
        fresh.delete(hash);
      }
    },
    leave: (hashes) => {
      for (const hash of hashes) {
        const same = byHash.get(hash) ?? [];
        const [first] = same;
        if (first === undefined || rows.values[first] !== -1) continue;
        for (const index of same) rows.values[index] = keptElsewhere;
        bare.delete(hash);
        fresh.delete(hash);
      }
    },
    withText: (hash) => byHash.get(hash) ?? [],
    vectorOf: (index) => {
      const row = rows.values[index] ?? -1;
      return row < 0 || !vectors ? null : vectors.at(row);
    },
    withoutVector: (limit) => {
      const hashes: string[] = [];
      const isFirst = fresh.size > 0;
      const again = Math.min(limit, 200);
      for (const hash of fresh) {
        if (hashes.length === limit) break;
        hashes.push(hash);
      }
      let count = 0;
      for (const hash of bare) {
        if (count++ === again || hashes.length >= limit) break;
        hashes.push(hash);
      }
      for (const hash of hashes) {
        fresh.delete(hash);
        // To the end of the line.
        bare.delete(hash);
        bare.add(hash);
      }
      return { hashes, more: fresh.size > 0, isFirst };
    },
    askAnew: (hashes) => {
      for (const hash of hashes) {
        if (!bare.delete(hash)) continue;
        fresh.add(hash);
      }
    },
    forgetVectors: () => {
      vectors = null;
      rows.values.fill(-1);
      for (const { textHash } of entries) fresh.add(textHash);
      bare.clear();
    },
  };
}

/** Keeps a session in order of time, then of the log. Messages mostly come in that order. */
function insert(entries: readonly ShelfEntry[], members: number[], index: number): void {
  const own = entries[index];
  if (!own) return;
  let place = members.length;
  while (place > 0 && isLater(entries[members[place - 1] ?? -1], own)) place -= 1;
  members.splice(place, 0, index);
}

function isLater(a: ShelfEntry | undefined, b: ShelfEntry): boolean {
  if (!a) return false;
  return a.at !== b.at ? a.at > b.at : a.from > b.from;
}

const months = 'january february march april may june july august september october november december'.split(' ');

/** The date as people write it: a question that names a month or a year finds what was said then. */
function dateTerms(at: number): readonly string[] {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return [];
  const day = Math.floor(at / 86_400_000);
  const known = knownDates.get(day);
  if (known) return known;
  const terms = termsOf(`${date.getUTCDate()} ${months[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()}`);
  if (knownDates.size >= 5_000) knownDates.clear();
  knownDates.set(day, terms);
  return terms;
}

/** Terms of days seen lately: what is said on one day is said under one date. */
const knownDates = new Map<number, readonly string[]>();

/** True when the query names this speaker. */
export function namesSpeaker(query: ReadonlySet<string>, speaker: string): boolean {
  const words = wordsOf(speaker);
  return words.length > 0 && words.some((word) => query.has(word));
}
