import type pg from 'pg';
import type { AppendOptions } from './append.ts';
import { createAppend } from './append.ts';
import { createDecoder } from './decode-events.ts';
import { UnknownTenantError } from './errors.ts';
import { explainFailure } from './explain-failure.ts';
import type { Command, EventShape, Position, Receipt, StoredEvent } from './event.ts';
import type { LogSchema } from './log-schema.ts';
import { readCommand, readCommandEvents, readHead, readLog, readStream } from './read.ts';
import type { CommandSelection, ReadLogOptions, ReadStreamOptions, StoredCommand } from './read.ts';
import { retryConnection } from './retry-connection.ts';

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
  /** Events of one stream in order of version; nothing for a stream that does not exist. */
  readStream(tenant: string, stream: string, options?: ReadStreamOptions): Promise<StoredEvent<E>[]>;
  /** Events of the log in order of position, paged. Throws LogNotDenseError when a position is missing. */
  readLog(tenant: string, options?: ReadLogOptions): AsyncIterable<StoredEvent<E>>;
  /** Events of the chosen commands in order of position: everything that one cause brought about. */
  readCommandEvents(tenant: string, selection: CommandSelection): Promise<StoredEvent<E>[]>;
  /** An accepted command, or undefined. */
  readCommand(tenant: string, id: string): Promise<StoredCommand | undefined>;
  /** Position of the newest event, 0 for an empty log. */
  head(tenant: string): Promise<Position>;
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

  return {
    tenantNumber,
    append: async (tenant, command, options = {}) => {
      const ref = { id: tenant, no: await tenantNumber(tenant) };
      return append<never>(ref, command, options).catch((error: unknown) => {
        // Inside a caller's transaction nothing is sent again, so nothing else has worded the failure.
        throw explainFailure(error);
      });
    },
    readStream: async (tenant, stream, options = {}) => readStream(reader, await tenantNumber(tenant), stream, options),
    async *readLog(tenant, options = {}) {
      yield* readLog(reader, { id: tenant, no: await tenantNumber(tenant) }, options);
    },
    readCommandEvents: async (tenant, selection) => readCommandEvents(reader, await tenantNumber(tenant), selection),
    readCommand: async (tenant, id) => readCommand(pool, await tenantNumber(tenant), id),
    head: async (tenant) => readHead(pool, await tenantNumber(tenant)),
  };
}
