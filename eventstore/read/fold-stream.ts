import type pg from 'pg';
import type { TenantRef } from '../append/append.ts';
import { InvalidFoldError } from '../errors-read.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import type { Moment } from './position-at.ts';
import { positionOf } from './position-at.ts';
import type { LogReader } from './read-pages.ts';
import { checkWhole } from './read-pages.ts';
import { readStream } from './read-stream.ts';
import { retryConnection } from '../retry-connection.ts';
import type { Versioned } from './upcast.ts';
import { textHash } from '../views/view.ts';
import { withTenant } from '../with-tenant.ts';

/** A pure fold from the events of one stream to a state that survives JSON: plain objects, arrays, strings, finite numbers. */
export interface Fold<E extends EventShape, S> {
  /** Identifies the fold among all that are used with the log. */
  readonly name: string;
  /** Raise it when `evolve` or the shape of the state changes: snapshots of other versions are not read. */
  readonly version: number;
  initial(): S;
  /** Gives the next state; it must not change the one it gets. */
  evolve(state: S, event: StoredEvent<E>): S;
}

export interface FoldStreamOptions {
  /** Fold the stream as it was at this moment. @default now */
  readonly at?: Moment;
  /** A snapshot is saved when at least this many events were folded since the last. @default 100 */
  readonly snapshotEvery?: number;
}

/** What a stream comes to. */
export interface Folded<S> {
  readonly state: S;
  /** Version of the last event that is in it, 0 for none: what a command that was decided on this state expects. */
  readonly version: number;
  readonly position: Position;
}

/** What a snapshot is read and saved by. */
interface SnapshotKey {
  readonly log: TenantRef;
  readonly stream: string;
  readonly fold: string;
}

/** Folds a stream, from its newest fitting snapshot on. With and without snapshots the result is the same. */
export async function foldStream<E extends EventShape, S>(
  reader: LogReader<E> & { readonly schema: Versioned<E> },
  log: TenantRef,
  stream: string,
  fold: Fold<E, S>,
  { at, snapshotEvery = 100 }: FoldStreamOptions,
): Promise<Folded<S>> {
  checkWhole('snapshotEvery', snapshotEvery, 1);
  const key: SnapshotKey = { log, stream, fold: foldHash(fold, reader.schema) };
  const start = await withTenant(reader.pool, log.no, async (client) => {
    const head = await positionOf(client, log.no);
    const upTo = at === undefined ? head : await positionOf(client, log.no, at);
    return { head, upTo, snapshot: await readSnapshot<S>(client, key, upTo) };
  });
  const before = start.snapshot ?? { state: fold.initial(), version: 0, position: 0 };
  let folded: Folded<S> = before;
  for await (const event of readStream(reader, log, stream, { from: before.version + 1 })) {
    if (event.position > start.upTo) break;
    const state = fold.evolve(folded.state, event);
    folded = { state, version: event.version, position: event.position };
  }
  // Checked each time, not only when it is saved: what works for a short stream must work for a long one.
  if (!isPlain(folded.state)) throw new InvalidFoldError(fold.name);
  if (folded.version - before.version >= snapshotEvery) await saveSnapshot(reader.pool, key, folded, start.head);
  return folded;
}

/** Changes when the fold does, and when old events are given to it in another shape. */
function foldHash<E extends EventShape, S>({ name, version }: Fold<E, S>, { upcasters = {} }: Versioned<E>): string {
  const steps = Object.entries(upcasters as Readonly<Record<string, readonly unknown[] | undefined>>);
  return textHash(JSON.stringify([name, version, steps.map(([type, own]) => [type, own?.length ?? 0]).sort()]));
}

/**
 * The snapshot, if it is one of this log (its chain says so), not beyond the position, and of a stream that is all there: where its
 * beginning was archived, folding must fail with a snapshot as it does without.
 */
async function readSnapshot<S>(
  client: pg.ClientBase,
  { log, stream, fold }: SnapshotKey,
  upTo: Position,
): Promise<Folded<S> | undefined> {
  const { rows } = await client.query<{ state: S; version: number; position: Position }>({
    name: 'holdfast_read_snapshot',
    text: `select n.state, n.version, n.position
      from holdfast.snapshot n join holdfast.stream s on s.tenant = n.tenant and s.name = n.stream
      where n.tenant = $1 and n.stream = $2 and n.fold = $3 and n.position <= $4 and n.version <= s.version
        and n.chain = (select c.chain from holdfast.command c
          where c.tenant = n.tenant and c.last_position >= n.position order by c.last_position limit 1)
        and exists (select from holdfast.event e where e.tenant = s.tenant and e.stream = s.no and e.version = 1)`,
    values: [log.no, stream, fold, upTo],
  });
  return rows[0];
}

async function saveSnapshot(
  pool: pg.Pool,
  { log, stream, fold }: SnapshotKey,
  { state, version, position }: Folded<unknown>,
  readAt: Position,
): Promise<void> {
  const values = [log.no, stream, fold, version, position, JSON.stringify(state), readAt];
  await retryConnection(
    () => pool.query('select holdfast.save_snapshot($1, $2, $3, $4, $5, $6, $7)', values),
    // The state is right whether or not it could be saved: a full disk or a busy head costs the next fold some time.
  ).catch(() => undefined);
}

/** True for what JSON gives back as it was; properties that are undefined do not count. */
function isPlain(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== 'object' || 'toJSON' in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) &&
    Object.values(value).every((inner) => inner === undefined || isPlain(inner))
  );
}
