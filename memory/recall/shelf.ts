import { termsOf, wordsOf } from './terms.ts';

/** A memory as it is put on a shelf. */
export interface ShelfItem {
  readonly id: string;
  readonly kind: string;
  /** With the name of who said it. */
  readonly text: string;
  readonly textHash: string;
  /** Who said it, where somebody did. */
  readonly speaker: string | null;
  /** Messages of one session stand beside each other; null for what was not said in one (facts, how-tos). */
  readonly session: string | null;
  /** When it was said or began to hold, in milliseconds of the epoch. */
  readonly at: number;
  /** Positions of the log between which it holds. */
  readonly from: number;
  readonly to: number | null;
  readonly fork: string;
  readonly agent: string | null;
  readonly thread: string | null;
  readonly turn: string;
}

/** A memory on a shelf: what ranking needs to know of it, without its text. */
export interface ShelfEntry extends Omit<ShelfItem, 'text' | 'to'> {
  to: number | null;
  /** Length in terms. */
  readonly length: number;
  readonly marks: TextMarks;
  /** Messages of the same session and scope in order of time, this one among them; itself alone without a session. */
  readonly neighbours: number[];
  /** Its place in `neighbours`. */
  place: number;
  vector: Float32Array | null;
}

/** What a text looks like, beyond its terms. */
export interface TextMarks {
  readonly isQuestion: boolean;
  /** Names a time: a month, a day of the week, "yesterday", a year. */
  readonly namesTime: boolean;
  /** Says how things are to be done from now on. */
  readonly isInstruction: boolean;
  /** Says that something is now otherwise. */
  readonly isUpdate: boolean;
  readonly hasNumber: boolean;
  readonly isReply: boolean;
}

/** Memories of one scope in the form in which they are searched. */
export interface Shelf {
  readonly entries: readonly ShelfEntry[];
  /** Entries with a term, by their index, and how often they hold it. */
  readonly postings: ReadonlyMap<string, Posting>;
  /** Puts memories on the shelf; one that is there already (same id, fork and beginning) only learns when it ended. */
  put(items: readonly ShelfItem[]): void;
  /** Attaches the vectors of texts; ones of other texts are left out. */
  attach(vectors: ReadonlyMap<string, Float32Array>): void;
  /**
   * Digests of texts without a vector: those that were not asked for yet, and of those that were, the ones asked for longest ago. `more`
   * says that some were not asked for yet.
   */
  withoutVector(limit: number): { readonly hashes: string[]; readonly more: boolean };
  /** Lets go of all vectors, for those of another model. */
  forgetVectors(): void;
}

/** Where a term stands. */
export interface Posting {
  readonly entries: number[];
  readonly counts: number[];
}

/** Opens an empty shelf. */
export function createShelf(): Shelf {
  const entries: ShelfEntry[] = [];
  const places = new Map<string, number>();
  const postings = new Map<string, Posting>();
  const sessions = new Map<string, number[]>();
  const byHash = new Map<string, number[]>();
  /** Texts without a vector that were asked for, and those that were not yet. */
  const bare = new Set<string>();
  const fresh = new Set<string>();

  const add = (item: ShelfItem): void => {
    const key = JSON.stringify([item.id, item.fork, item.from]);
    const known = places.get(key);
    if (known !== undefined) {
      const entry = entries[known];
      // A reader that began earlier may bring an older state of it.
      if (entry && item.to !== null) entry.to = item.to;
      return;
    }
    const index = entries.length;
    places.set(key, index);
    const { text, ...rest } = item;
    const terms = [...termsOf(text), ...dateTerms(item.at)];
    const neighbours = item.session === null ? [index] : sessionOf(sessions, item);
    entries.push({ ...rest, length: terms.length, marks: marksOf(item), neighbours, place: 0, vector: null });
    if (item.session !== null) insert(entries, neighbours, index);
    const counts = new Map<string, number>();
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    for (const [term, count] of counts) {
      const posting = postings.get(term) ?? { entries: [], counts: [] };
      postings.set(term, posting);
      posting.entries.push(index);
      posting.counts.push(count);
    }
    const same = byHash.get(item.textHash) ?? [];
    byHash.set(item.textHash, same);
    const [twin] = same;
    const vector = twin === undefined ? null : (entries[twin]?.vector ?? null);
    same.push(index);
    const own = entries[index];
    if (own) own.vector = vector;
    if (vector === null && !bare.has(item.textHash)) fresh.add(item.textHash);
  };

  return {
    entries,
    postings,
    put: (items) => {
      for (const item of items) add(item);
    },
    attach: (vectors) => {
      for (const [hash, vector] of vectors) {
        for (const index of byHash.get(hash) ?? []) {
          const entry = entries[index];
          if (entry) entry.vector = vector;
        }
        bare.delete(hash);
        fresh.delete(hash);
      }
    },
    withoutVector: (limit) => {
      const hashes: string[] = [];
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
      return { hashes, more: fresh.size > 0 };
    },
    forgetVectors: () => {
      for (const entry of entries) {
        entry.vector = null;
        fresh.add(entry.textHash);
      }
      bare.clear();
    },
  };
}

function sessionOf(sessions: Map<string, number[]>, item: ShelfItem): number[] {
  const key = JSON.stringify([item.session, item.fork, item.agent, item.thread]);
  const members = sessions.get(key) ?? [];
  sessions.set(key, members);
  return members;
}

/** Keeps a session in order of time, then of the log. Messages mostly come in that order. */
function insert(entries: readonly ShelfEntry[], members: number[], index: number): void {
  const own = entries[index];
  if (!own) return;
  let place = members.length;
  while (place > 0 && isLater(entries[members[place - 1] ?? -1], own)) place -= 1;
  members.splice(place, 0, index);
  for (let at = place; at < members.length; at++) {
    const entry = entries[members[at] ?? -1];
    if (entry) entry.place = at;
  }
}

function isLater(a: ShelfEntry | undefined, b: ShelfEntry): boolean {
  if (!a) return false;
  return a.at !== b.at ? a.at > b.at : a.from > b.from;
}

const months = 'january february march april may june july august september october november december'.split(' ');

/** The date as people write it: a question that names a month or a year finds what was said then. */
function dateTerms(at: number): string[] {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return [];
  return termsOf(`${date.getUTCDate()} ${months[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()}`);
}

const timeWords =
  /\b(yesterday|today|tonight|tomorrow|last|next|ago|week(end)?s?|months?|years?|(mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september|october|november|december|(19|20)\d\d|since|recently)\b/i;
const instructionWords =
  /\b(always|never|whenever|every time|from now on|going forward|in the future|i (would )?(prefer|like you to|want you to)|please (make sure|ensure|use|include|keep|remember|don'?t|avoid|provide|format)|make sure|when(ever)? i ask)\b/i;
const updateWords =
  /\b(now|actually|changed|instead|updated?|no longer|anymore|moved|switched|increased|decreased|revised|rescheduled|pushed|extended|just|recently|improved|reached|has been)\b/i;

function marksOf({ text, kind }: ShelfItem): TextMarks {
  const head = text.slice(0, 4_000);
  return {
    isQuestion: /\?/.test(head),
    namesTime: timeWords.test(head),
    isInstruction: instructionWords.test(head),
    isUpdate: updateWords.test(head),
    hasNumber: /\d/.test(head),
    isReply: kind === 'reply',
  };
}

/** True when the query names this speaker. */
export function namesSpeaker(query: ReadonlySet<string>, speaker: string): boolean {
  const words = wordsOf(speaker);
  return words.length > 0 && words.some((word) => query.has(word));
}
