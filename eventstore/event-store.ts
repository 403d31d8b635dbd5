import type pg from 'pg';
import type { AppendOptions, TenantRef } from './append.ts';
import { createAppend } from './append.ts';
import { createDecoder } from './decode-events.ts';
import { UnknownTenantError } from './errors.ts';
import { explainFailure } from './explain-failure.ts';
import type { Command, EventShape, Position, Receipt, StoredEvent } from './event.ts';
import type { LogSchema } from './log-schema.ts';
import { positionAt } from './position-at.ts';
import { readCommand, readCommandEvents, readHead } from './read.ts';
import type { CommandSelection, StoredCommand } from './read.ts';
import { readLog } from './read-log.ts';
import type { ReadLogOptions } from './read-log.ts';
import { readStream } from './read-stream.ts';
import type { ReadStreamOptions } from './read-stream.ts';
import { retryConnection } from './retry-connection.ts';
import { stampVersions } from './upcast.ts';
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
}

/** Opens the event store on a migrated database. */
export function createEventStore<E extends EventShape>({ pool, schema }: EventStoreOptions<E>): EventStore<E> {
  const reader = { pool, decode: createDecoder(schema) };
  const append = createAppend(pool, schema);
  const numbers = new Map<string, number>();

  async function tenantNumber(tenant: string): Promise<number> {
    const known = numbers.get(tenant);
    if (known !== undefined) return known;
    // NUL would end in a protocol error that says nothing about tenants.
    if (tenant.includes('\0')) throw new UnknownTenantError(tenant.replaceAll('\0', '\uFFFD'));
    const { rows } = await retryConnection(() =>
      pool.query<{ no: number | null }>('select holdfast.find_tenant($1) as no', [tenant]),
    );
    const no = rows[0]?.no;
    if (no === undefined || no === null) throw new UnknownTenantError(tenant);
    numbers.set(tenant, no);
    return no;
  }

  async function logOf(tenant: string): Promise<TenantRef> {
    return { id: tenant, no: await tenantNumber(tenant) };
  }

  return {
    tenantNumber,
    append: async (tenant, command, options = {}) =>
      append<never>(await logOf(tenant), stampVersions(schema, command), options).catch((error: unknown) => {
        // Inside a caller's transaction nothing is sent again, so nothing else has worded the failure.
        throw explainFailure(error);
      }),
    async *readStream(tenant, stream, options = {}) {
      yield* readStream(reader, await logOf(tenant), stream, options);
    },
    async *readLog(tenant, options = {}) {
      yield* readLog(reader, await logOf(tenant), options);
    },
    readCommandEvents: async (tenant, selection) => readCommandEvents(reader, await logOf(tenant), selection),
    readCommand: async (tenant, id) => readCommand(pool, await tenantNumber(tenant), id),
    head: async (tenant) => readHead(pool, await tenantNumber(tenant)),
    positionAt: async (tenant, time) => {
      const { no } = await logOf(tenant);
      return withTenant(pool, no, (client) => positionAt(client, no, time));
    },
  };
}
