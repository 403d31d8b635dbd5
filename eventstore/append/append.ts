import type pg from 'pg';
import type { FoldedCommand, Outcome } from './append-batch.ts';
import { appendBatch } from './append-batch.ts';
import { createAppendQueue } from './append-queue.ts';
import { encodeCommand } from './encode-command.ts';
import type { PartedCommand } from './encrypt-command.ts';
import { encryptCommand, partCommand } from './encrypt-command.ts';
import {
  CommandBodyDiffersError,
  ExpectedVersionConflictError,
  InvalidCommandError,
  QuotaExceededError,
  SchemaDriftError,
  StreamSealedError,
  SubjectForgottenError,
  UnknownTenantError,
} from '../errors.ts';
import type { Command, EventShape, Receipt, StoredEvent } from '../event.ts';
import type { LogSchema } from '../log-schema.ts';
import { retryConnection } from '../retry-connection.ts';
import { createSubjectKeys } from '../keys/subject-keys.ts';
import { compileOperations, viewsVersion } from '../views/view.ts';

/** How one append is made. */
export interface AppendOptions {
  /** Throw CommandBodyDiffersError when the id was used before with another body. @default false: the first body wins */
  readonly strict?: boolean;
  /** Append inside the caller's open READ COMMITTED transaction; its commit decides. The log's lock is held until then. */
  readonly transaction?: pg.ClientBase;
}

/** A tenant by its name and its number. */
export interface TenantRef {
  readonly id: string;
  readonly no: number;
}

/** Appends one command; see EventStore.append. */
export type Append<E extends EventShape> = <R>(
  tenant: TenantRef,
  command: Command<E>,
  options: AppendOptions,
) => Promise<Receipt<R>>;

/** Gives the append of a store: commands are folded and encoded here, coalesced per tenant, sent in one statement. */
export function createAppend<E extends EventShape>(pool: pg.Pool, schema: LogSchema<E>): Append<E> {
  const version = viewsVersion(schema.projections);
  const subjectKeys = createSubjectKeys(pool, schema.keyWrapper);
  const queue = createAppendQueue({
    // A connection that breaks may have committed before it broke; the command ids make the repeat harmless, and its answers
    // say what happened.
    send: (tenant, batch) => retryConnection(() => appendBatch(pool, tenant, version, batch)),
  });

  return async (tenant, command, { strict = false, transaction }) => {
    const folded = fold(schema, command);
    const parted = partCommand(folded, schema.personal);
    for (let attempt = 1; ; attempt++) {
      const sent = await encrypt(tenant.no, folded, parted, transaction);
      const append = transaction
        ? createAppendQueue({ send: (no, batch) => appendBatch(transaction, no, version, batch) })
        : queue;
      const outcome = await append(tenant.no, sent).catch((error: unknown) => {
        throw explain(error, tenant.id);
      });
      // Forgotten since we looked: what is said about the subject from now on gets a new key.
      if (outcome.outcome === 'key_destroyed' && attempt < maxKeys) {
        for (const subject of parted.subjects) subjectKeys.release(tenant.no, subject);
        continue;
      }
      return toReceipt(command, sent, outcome, { strict, tenant: tenant.id });
    }
  };

  /** After projecting, which sees plain text, and before SQL, which does not. */
  async function encrypt(
    tenant: number,
    folded: FoldedCommand,
    parted: PartedCommand,
    transaction: pg.ClientBase | undefined,
  ): Promise<FoldedCommand> {
    if (parted.subjects.length === 0) return folded;
    const keys = await subjectKeys.inUse(tenant, parted.subjects, transaction);
    return { ...folded, ...encryptCommand(parted, keys) };
  }
}

/** How often a command is encrypted anew because a subject was forgotten while it was on its way. */
const maxKeys = 10;

/** Views are folded before the lock is taken: only finished rows travel. */
function fold<E extends EventShape>({ projections }: LogSchema<E>, command: Command<E>): FoldedCommand {
  const encoded = encodeCommand(command);
  try {
    const { operations, keys } = compileOperations(
      command.events.map((event, index) => {
        const stored = provisional(event, index);
        return projections.flatMap((projection) => projection.project(stored));
      }),
    );
    return { ...encoded, operations, viewKeys: keys };
  } catch (error) {
    throw new InvalidCommandError(
      `Command "${command.id}" cannot be folded into views: ${String(error)}.`,
      'Look whether the data of its events has the shape that their type says.',
      error,
    );
  }
}

/**
 * The event as projections see it inside an append. Positions, versions and times are not known before the lock, so they
 * are relative here: projections must not put them in rows (SQL fills `from_pos`).
 */
function provisional<E extends EventShape>(event: Command<E>['events'][number], index: number): StoredEvent<E> {
  return {
    ...event,
    schemaVersion: event.schemaVersion ?? 1,
    subjects: event.subjects ?? [],
    position: index,
    version: 0,
    recordedAt: new Date(0),
  };
}

function toReceipt<E extends EventShape, R>(
  command: Command<E>,
  encoded: FoldedCommand,
  outcome: Outcome,
  { strict, tenant }: { readonly strict: boolean; readonly tenant: string },
): Receipt<R> {
  switch (outcome.outcome) {
    case 'accepted':
      return {
        commandId: command.id,
        firstPosition: outcome.first,
        lastPosition: outcome.first + encoded.events.length - 1,
        recordedAt: new Date(outcome.at),
        replayed: false,
        bodyDiffers: false,
        result: JSON.parse(encoded.result) as R,
      };
    case 'replayed':
      if (strict && !outcome.same_body) throw new CommandBodyDiffersError(command.id);
      return {
        commandId: command.id,
        firstPosition: outcome.first,
        lastPosition: outcome.last,
        recordedAt: new Date(outcome.at),
        replayed: true,
        bodyDiffers: !outcome.same_body,
        result: JSON.parse(outcome.result) as R,
      };
    case 'conflict': {
      // In the caller's own words: the function's code for 'none' is 0.
      const expectation = command.streams.find(({ name }) => name === outcome.stream);
      throw new ExpectedVersionConflictError(outcome.stream, expectation?.expectedVersion ?? 'any', outcome.actual);
    }
    case 'sealed':
      throw new StreamSealedError(outcome.stream, outcome.actual);
    case 'quota':
      throw new QuotaExceededError(tenant, {
        events: { used: outcome.events, asked: encoded.events.length, limit: outcome.max_events },
        // The function answers with what the command, which it judged alone, would have made of it.
        bytes: { used: outcome.bytes - encoded.bytes, asked: encoded.bytes, limit: outcome.max_bytes },
      });
    case 'key_destroyed':
    case 'forgotten':
      throw new SubjectForgottenError(outcome.subject, command.id);
  }
}

/** Errors the append function raises under codes of its own, in the words of the store. */
function explain(error: unknown, tenant: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'HF002') return new UnknownTenantError(tenant);
  if (error.code === 'HF003') return new SchemaDriftError(`its ${error.message}`);
  return error;
}
