import { setImmediate } from 'node:timers/promises';
import type { EntityNames } from '../../memory/entities/names.ts';
import { joinNames, separateNames } from '../../memory/entities/names.ts';
import type { View } from '../../memory/recall/sight.ts';
import type { Shelf, ShelfItem } from '../../memory/recall/shelf.ts';
import { createShelf } from '../../memory/recall/shelf.ts';
import type { Scope } from '../../memory/scope.ts';
import { userSubject } from '../../memory/subject.ts';
import { lineageOf } from '../branches/lineage.ts';
import { listMerges } from '../entities/queries.ts';
import type { ViewReader } from '../read-views.ts';
import { readEndedInForks } from './queries.ts';

/** Shelves of the scopes that were asked about lately, kept in this process. */
export interface RecallIndex {
  /** The shelf of that name and its state; a new one when there is none. */
  open(name: string): KeptShelf;
  /** Puts an empty shelf in place of one that is no longer true. */
  drop(name: string): KeptShelf;
  /** Lets go of those that were not asked about for longest, until the rest fits. */
  trim(): void;
  /** About how much memory it takes. */
  readonly bytes: number;
  /** The vectors of a shelf with more memories stay in the database, where pgvector has an index of them. */
  readonly pgvectorFrom: number;
}

/** A shelf and what is known of it. */
export interface KeptShelf {
  readonly shelf: Shelf;
  /** Everything up to here is on it. */
  position: number;
  /** When its user was last forgotten, and the table it was read from: it is true while both stay. */
  validity: string | null;
  /** Which vectors it holds: those of which model, and which of them are kept elsewhere. */
  held: string | null;
  /** Somebody is fetching vectors of texts that had none before; never rejects. */
  attaching: Promise<void> | null;
}

export interface RecallIndexOptions {
  /**
   * About how much memory it may take, of all scopes together, in bytes. The scopes that are asked about stay, however large.
   * @default 536_870_912 (512 MiB)
   */
  readonly maxBytes?: number;
  /**
   * The vectors of a scope with more memories than this stay in the database, where pgvector has an index of them; null = never.
   * @default 150_000: about what fits into maxBytes with vectors of 384 numbers
   */
  readonly pgvectorFrom?: number | null | undefined;
}

/** Memories of one scope from which pgvector is used by default. */
export const defaultPgvectorFrom = 150_000;

/** Opens an index that is empty. Everything in it is read from views again when it is asked for. */
export function createRecallIndex({
  maxBytes = 512 * 1024 * 1024,
  pgvectorFrom = defaultPgvectorFrom,
}: RecallIndexOptions = {}): RecallIndex {
  const kept = new Map<string, KeptShelf>();
  const drop = (name: string): KeptShelf => {
    const empty: KeptShelf = { shelf: createShelf(), position: 0, validity: null, held: null, attaching: null };
    kept.delete(name);
    kept.set(name, empty);
    return empty;
  };
  const size = (): number => [...kept.values()].reduce((sum, { shelf }) => sum + shelf.bytes, 0);
  return {
    drop,
    pgvectorFrom: pgvectorFrom ?? Infinity,
    get bytes() {
      return size();
    },
    open(name) {
      const found = kept.get(name);
      if (!found) return drop(name);
      kept.delete(name);
      kept.set(name, found);
      return found;
    },
    trim() {
      let bytes = size();
      for (const [name, { shelf }] of kept) {
        // The last three are those of the scope that is being asked about.
        if (bytes <= maxBytes || kept.size <= 3) return;
        kept.delete(name);
        bytes -= shelf.bytes;
      }
    },
  };
}

/** What was true in the world at a time, as far as the reader knows. */
export interface PastView {
  /** Milliseconds of the epoch. */
  readonly validAt: number;
  /** The facts that held then. */
  readonly facts: ReadonlySet<string>;
}

/** What a scope sees, ready to be searched. */
export interface OpenShelves {
  readonly shelves: readonly Shelf[];
  /** The same with their state, as the index keeps them. */
  readonly kept: readonly KeptShelf[];
  readonly view: View;
  /** Which names were merged. */
  readonly names: EntityNames;
}

/**
 * Brings the shelves of a scope up to the reader's snapshot: what came to the log since they were last asked for, in one round trip. What
 * is visible is decided by the reader's position, so that reads of the past see the past.
 */
export async function openShelves(
  reader: ViewReader,
  index: RecallIndex,
  scope: Scope,
  past: PastView | null = null,
): Promise<OpenShelves> {
  const names = shelfNames(reader.tenant, scope);
  let kept = names.map((name) => index.open(name));
  const [{ validity, hasMerges }, rows, lineage] = await Promise.all([
    readValidity(reader, scope),
    readSince(
      reader,
      scope,
      kept.map(({ position }) => position),
    ),
    lineageOf(reader, scope.fork),
  ]);
  let since = rows;
  if (kept.some((one) => one.validity !== null && one.validity !== validity)) {
    kept = names.map((name) => index.drop(name));
    since = await readSince(
      reader,
      scope,
      kept.map(() => 0),
    );
  }
  for (const one of kept) one.validity = validity;
  await put(kept, since);
  index.trim();
  const ended = lineage === undefined ? null : await readEndedInForks(reader, lineage);
  const { position } = reader;
  const isLinked = hasMerges && kept.some(({ shelf }) => shelf.links.size > 0);
  const joined = isLinked ? joinNames(await listMerges(reader, scope), []) : separateNames;
  return {
    names: joined,
    shelves: kept.map(({ shelf }) => shelf),
    kept,
    view: {
      keptAs:
        lineage === undefined && past === null ? { name: JSON.stringify([scope.agent, scope.thread]), position } : null,
      isVisible(entry) {
        if (entry.agent !== null && entry.agent !== scope.agent) return false;
        if (entry.thread !== null && entry.thread !== scope.thread) return false;
        if (past && entry.at > past.validAt) return false;
        const isFact = past !== null && entry.speaker === null && !['procedure', 'document'].includes(entry.kind);
        if (isFact && !past.facts.has(entry.id)) return false;
        const holds = (at: number): boolean => entry.from <= at && (isFact || entry.to === null || entry.to > at);
        if (lineage === undefined || ended === null) return entry.fork === '' && holds(position);
        const depth = lineage.findIndex(({ fork }) => fork === entry.fork);
        const line = lineage[depth];
        return (
          line !== undefined && holds(line.position) && !ended.some((end) => end.item === entry.id && end.depth < depth)
        );
      },
    },
  };
}

function shelfNames(tenant: number, { user, thread }: Scope): string[] {
  return [
    JSON.stringify([tenant, 'user', user ?? null]),
    JSON.stringify([tenant, 'thread', thread ?? null]),
    JSON.stringify([tenant, 'all']),
  ];
}

interface DocumentRow {
  readonly shelf: number;
  readonly id: string;
  readonly kind: string;
  readonly content: string;
  readonly text_hash: string;
  readonly speaker: string | null;
  readonly subject: string | null;
  readonly relation: string | null;
  readonly object: string | null;
  readonly said_at: Date;
  readonly expires_at: Date | null;
  readonly thread: string;
  readonly turn: string;
  readonly scope_agent: string | null;
  readonly scope_thread: string | null;
  readonly fork: string;
  readonly from_pos: number;
  readonly to_pos: number | null;
}

async function readSince(
  { client, tenant }: ViewReader,
  { user, thread }: Scope,
  since: readonly number[],
): Promise<DocumentRow[]> {
  const columns = `d.id, d.kind, d.content, d.text_hash, d.speaker, d.subject, d.relation, d.object, d.said_at, d.expires_at, d.thread, d.turn, d.scope_agent, d.scope_thread, d.fork,
    d.from_pos, d.to_pos`;
  const shelves = [
    'd.scope_user = $2',
    'd.scope_user is null and d.scope_thread = $3',
    'd.scope_user is null and d.scope_thread is null',
  ];
  const parts = shelves.flatMap((shelf, number) => [
    `select ${number} as shelf, ${columns} from holdfast.memory_document d where d.tenant = $1 and ${shelf} and d.from_pos > $${number + 4}`,
    `select ${number}, ${columns} from holdfast.memory_document d where d.tenant = $1 and ${shelf} and d.to_pos is not null
       and d.to_pos > $${number + 4} and d.from_pos <= $${number + 4}`,
  ]);
  const { rows } = await client.query<DocumentRow>({
    name: 'holdfast_documents_since',
    text: `${parts.join('\nunion all ')}\norder by from_pos, id, fork`,
    values: [tenant, user ?? null, thread ?? null, ...since],
  });
  return rows;
}

/**
 * One round trip: when the user was last forgotten, which table the names lead to (a rebuild puts another in its place), and whether names were
 * ever merged in the tenant at all.
 */
async function readValidity(
  { client, tenant }: ViewReader,
  { user }: Scope,
): Promise<{ readonly validity: string; readonly hasMerges: boolean }> {
  const { rows } = await client.query<{ forgotten: number; oid: number; merges: boolean }>({
    name: 'holdfast_shelf_validity',
    text: `select holdfast.subjects_forgotten_at($1::text[]) as forgotten, 'holdfast.memory_document'::regclass::oid as oid,
      exists (select from holdfast.entity_merge where tenant = $2) as merges`,
    values: [user === undefined ? [] : [userSubject(user)], tenant],
  });
  const [row] = rows;
  return { validity: `${row?.forgotten ?? 0}/${row?.oid ?? 0}`, hasMerges: row?.merges === true };
}

/** A large shelf takes seconds to fill, and the same process runs turns: others get their turn in between. */
async function put(kept: readonly KeptShelf[], rows: readonly DocumentRow[]): Promise<void> {
  let began = performance.now();
  for (const [number, one] of kept.entries()) {
    const own = rows.filter(({ shelf }) => shelf === number);
    for (let first = 0; first < own.length; first += rowsAtOnce) {
      one.shelf.put(own.slice(first, first + rowsAtOnce).map(itemOf));
      if (performance.now() - began < longestMs) continue;
      await setImmediate();
      began = performance.now();
    }
    // Not before all of them are there: whoever asks meanwhile reads and puts them, too, and each is kept once.
    for (const { from_pos, to_pos } of own) one.position = Math.max(one.position, from_pos, to_pos ?? 0);
  }
}

const rowsAtOnce = 100;
/** About how long the process does nothing else. */
const longestMs = 15;

function itemOf(row: DocumentRow): ShelfItem {
  return {
    id: row.id,
    kind: row.kind,
    text: row.content,
    textHash: row.text_hash,
    speaker: row.speaker,
    session: row.speaker === null && row.kind !== 'document' ? null : row.thread,
    at: row.said_at.getTime(),
    expires: row.expires_at?.getTime() ?? null,
    from: row.from_pos,
    to: row.to_pos,
    fork: row.fork,
    // The first shelf is the user's own.
    ofUser: row.shelf === 0,
    agent: row.scope_agent,
    thread: row.scope_thread,
    turn: row.turn,
    fact:
      row.subject === null || row.relation === null || row.object === null
        ? null
        : { subject: row.subject, relation: row.relation, value: row.object },
  };
}
