import type pg from 'pg';
import type { AppendOptions, TenantRef } from './append/append.ts';
import { createAppend } from './append/append.ts';
import { createDecoder } from './read/decode-events.ts';
import { UnknownTenantError } from './errors.ts';
import { explainFailure, explainRefusal } from './explain-failure.ts';
import type { Command, EventShape, Position, Receipt, StoredEvent } from './event.ts';
import { foldStream } from './read/fold-stream.ts';
import type { Fold, Folded, FoldStreamOptions } from './read/fold-stream.ts';
import type { LogSchema } from './log-schema.ts';
import { positionAt } from './read/position-at.ts';
import { readCommand, readCommandEvents, readHead } from './read/read.ts';
import type { CommandSelection, StoredCommand } from './read/read.ts';
import { readLog } from './read/read-log.ts';
import type { ReadLogOptions } from './read/read-log.ts';
import { readStream } from './read/read-stream.ts';
import type { ReadStreamOptions } from './read/read-stream.ts';
import { retryConnection } from './retry-connection.ts';
import { stampVersions } from './read/upcast.ts';
import type { WakeUp } from './consumers/wake-up.ts';
import { withTenant } from './with-tenant.ts';

/** An append-only log per tenant, with views folded inside every append. */
export interface EventStore<E extends EventShape> {
  /**
   * Stores a command: all of its events, its receipt and the view rows they project to, in one transaction, at most once.
   * Lost connections are retried; an in-doubt commit ends in the one true receipt. Commands of one tenant that arrive while a
   * commit is in flight travel together in the next.
   * Throws ExpectedVersionConflictError, StreamSealedError, CommandBodyDiffersError (strict), InvalidCommandError,
   * QuotaExceededError, SubjectForgottenError, UnknownTenantError, SchemaDriftError, StoreUnavailableError.
   */
  append<R = unknown>(tenant: string, command: Command<E>, options?: AppendOptions): Promise<Receipt<R>>;
  /**
   * Events of one stream in order of version, or newest first; nothing for a stream that does not exist. Paged, each page in a
   * short transaction. Throws StreamNotDenseError at a missing version, LogArchivedError at one that was archived,
   * UnknownSchemaVersionError, InvalidReadError.
   */
  readStream(tenant: string, stream: string, options?: ReadStreamOptions): AsyncIterable<StoredEvent<E>>;
  /**
   * Events of the log in order of position, or newest first, between positions or times. Paged, each page in a short transaction.
   * Throws LogNotDenseError at a missing position, LogArchivedError at one that was archived, UnknownSchemaVersionError,
   * InvalidReadError.
   */
  readLog(tenant: string, options?: ReadLogOptions): AsyncIterable<StoredEvent<E>>;
  /**
   * Events of the chosen commands in order of position: everything that one cause brought about. Throws LogArchivedError,
   * LogNotDenseError.
   */
  readCommandEvents(tenant: string, selection: CommandSelection): Promise<StoredEvent<E>[]>;
  /**
   * What a stream comes to, now or as of a moment. Long streams are folded from a snapshot on, a cache that is saved on the way.
   * Throws what readStream throws, and InvalidFoldError.
   */
  foldStream<S>(tenant: string, stream: string, fold: Fold<E, S>, options?: FoldStreamOptions): Promise<Folded<S>>;
  /** An accepted command, or undefined. */
  readCommand(tenant: string, id: string): Promise<StoredCommand | undefined>;
  /** Position of the newest event, 0 for an empty log. */
  head(tenant: string): Promise<Position>;
  /** The last position that was recorded at or before a time, 0 when there is none. Throws InvalidReadError. */
  positionAt(tenant: string, time: Date): Promise<Position>;
  /** The number of a tenant, for `withTenant`. Throws UnknownTenantError. */
  tenantNumber(tenant: string): Promise<number>;
}

export interface EventStoreOptions<E extends EventShape> {
  /** Sessions must work as the application role (see openPool). The caller ends the pool. */
  readonly pool: pg.Pool;
  /** The schema the database was migrated to. */
  readonly schema: LogSchema<E>;
  /**
   * Told after every append that was committed, so that consumers look at once. Appends inside a caller's transaction are not told: call
   * `signal` after its commit.
   * @default none
   */
  readonly wakeUp?: WakeUp;
}

/** Opens the event store on a migrated database. */
export function createEventStore<E extends EventShape>({ pool, schema, wakeUp }: EventStoreOptions<E>): EventStore<E> {
  const reader = { pool, decode: createDecoder(schema) };
  const append = createAppend(pool, schema);
  const numbers = new Map<string, number>();

  async function tenantNumber(tenant: string): Promise<number> {
    const known = numbers.get(tenant);
    if (known !== undefined) return known;
    const no = await findTenant(pool, tenant);
    if (no === null) throw new UnknownTenantError(tenant);
    numbers.set(tenant, no);
    return no;
  }

  async function logOf(tenant: string): Promise<TenantRef> {
    return { id: tenant, no: await tenantNumber(tenant) };
  }

  /** Below, a tenant is its number; here it gets back the name the caller knows it by. */
  function named(error: unknown, tenant: string): unknown {
    // Inside a caller's transaction nothing is sent again, so nothing else has worded the failure.
    const explained = explainFailure(error);
    if (!(explained instanceof UnknownTenantError)) return explained;
    numbers.delete(tenant);
    return new UnknownTenantError(tenant);
  }

  async function inLog<T>(tenant: string, use: (log: TenantRef) => Promise<T>): Promise<T> {
    const log = await logOf(tenant);
    return use(log).catch((error: unknown) => {
      throw named(error, tenant);
    });
  }

  async function* throughLog<T>(tenant: string, read: (log: TenantRef) => AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* read(await logOf(tenant));
    } catch (error) {
      throw named(error, tenant);
    }
  }

  return {
    tenantNumber,
    append: (tenant, command, options = {}) =>
      inLog(tenant, async (log) => {
        const receipt = await append<never>(log, stampVersions(schema, command), options).catch((error: unknown) => {
          throw explainRefusal(error, command.id);
        });
        // Replays are answered without the log's head, which is what a dropped tenant loses first.
        if (!receipt.replayed && !options.transaction) wakeUp?.signal();
        if (receipt.replayed && (await findTenant(pool, tenant)) !== log.no) throw new UnknownTenantError(tenant);
        return receipt;
      }),
    readStream: (tenant, stream, options = {}) => throughLog(tenant, (log) => readStream(reader, log, stream, options)),
    readLog: (tenant, options = {}) => throughLog(tenant, (log) => readLog(reader, log, options)),
    foldStream: (tenant, stream, fold, options = {}) =>
      inLog(tenant, (log) => foldStream({ ...reader, schema }, log, stream, fold, options)),
    readCommandEvents: (tenant, selection) => inLog(tenant, (log) => readCommandEvents(reader, log, selection)),
    readCommand: (tenant, id) => inLog(tenant, ({ no }) => readCommand(pool, no, id)),
    head: (tenant) => inLog(tenant, ({ no }) => readHead(pool, no)),
    positionAt: (tenant, time) =>
      inLog(tenant, ({ no }) => withTenant(pool, no, (client) => positionAt(client, no, time))),
  };
}

async function findTenant(pool: pg.Pool, tenant: string): Promise<number | null> {
  // Neither can be part of an id; sent to the server, one is a protocol error and the other turns into another text.
  if (tenant.includes('\0') || !tenant.isWellFormed()) return null;
  const { rows } = await retryConnection(() =>
    pool.query<{ no: number | null }>('select holdfast.find_tenant($1) as no', [tenant]),
  );
  return rows[0]?.no ?? null;
}
