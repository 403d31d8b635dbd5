import { HoldfastError } from '../errors/holdfast-error.ts';
import type { ExpectedVersion } from './event.ts';

/** Thrown when a stream is not at the version a command expects. Nothing was written; load again and decide again. */
export class ExpectedVersionConflictError extends HoldfastError {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly actual: number;
  constructor(stream: string, expected: ExpectedVersion, actual: number) {
    super(
      'EXPECTED_VERSION_CONFLICT',
      `Stream "${stream}" is at version ${actual}; the command expected ${typeof expected === 'number' ? `version ${expected}` : `'${expected}'`}.`,
      { hint: 'Read the stream again, decide again, and send the command with the version you read.' },
    );
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

/** Thrown when a command writes to a stream that an earlier command closed for good (for a turn: it has ended). */
export class StreamSealedError extends HoldfastError {
  readonly stream: string;
  constructor(stream: string, version: number) {
    super('STREAM_SEALED', `Stream "${stream}" was closed at version ${version}; it takes no more events.`, {
      hint: 'Read the stream to see how it ended.',
    });
    this.stream = stream;
  }
}

/** Thrown in strict mode when a command id is replayed with another body. The first body stands. */
export class CommandBodyDiffersError extends HoldfastError {
  readonly commandId: string;
  constructor(commandId: string) {
    super('COMMAND_BODY_DIFFERS', `Command "${commandId}" was accepted before with another body, which stands.`, {
      hint: 'Use another command id for another intent, or leave strict mode to get the first receipt.',
    });
    this.commandId = commandId;
  }
}

/** Thrown when a command breaks a rule of the log, or a projection cannot make rows of it. Nothing was written. */
export class InvalidCommandError extends HoldfastError {
  constructor(message: string, hint?: string, cause?: unknown) {
    super('INVALID_COMMAND', message, { ...(hint === undefined ? {} : { hint }), cause });
  }
}

/** Thrown when a tenant is not known (or was dropped). Unknown scope is an error, never an empty answer. */
export class UnknownTenantError extends HoldfastError {
  readonly tenant: string;
  /** @param tenant its id, or its number where only that is known */
  constructor(tenant: string | number) {
    const name = typeof tenant === 'number' ? `with number ${tenant}` : `"${tenant}"`;
    super('UNKNOWN_TENANT', `There is no tenant ${name}.`, {
      hint: 'Create it with `holdfast migrate --tenant <id>`, or set HOLDFAST_TENANT to one that exists.',
    });
    this.tenant = String(tenant);
  }
}

/** Thrown when Postgres cannot be reached or broke the connection more often than the store retries. Safe to try again. */
export class StoreUnavailableError extends HoldfastError {
  constructor(
    attempts: number,
    cause: unknown,
    next = 'then send the same command again: a command is stored at most once.',
  ) {
    super(
      'STORE_UNAVAILABLE',
      `PostgreSQL did not answer in ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: `Check that the server at DATABASE_URL runs, ${next}`,
        retryable: true,
        cause,
      },
    );
  }
}

/**
 * Thrown when the tables do not match the code. Nothing runs on a schema it does not know. Retryable: a migration, or a process
 * of the other version, may come to it.
 */
export class SchemaDriftError extends HoldfastError {
  constructor(what: string, cause?: unknown) {
    super('SCHEMA_DRIFT', `The database does not match this version of Holdfast: ${what}.`, {
      hint: 'Run `holdfast migrate`, then start again.',
      retryable: true,
      cause,
    });
  }
}

/** Thrown when a role could do what row-level security is there to prevent. */
export class UnsafeRoleError extends HoldfastError {
  constructor(role: string, why: string) {
    super('UNSAFE_ROLE', `The database role "${role}" ${why}, so row-level security would not hold.`, {
      hint: 'Connect as a role that may `set role holdfast_app`, or as holdfast_app itself.',
    });
  }
}

/** Thrown when a log has a hole or a position out of order: the database was changed behind Holdfast's back. */
export class LogNotDenseError extends HoldfastError {
  constructor(tenant: string, expected: number, found: number | null) {
    super(
      'LOG_NOT_DENSE',
      `The log of tenant "${tenant}" has ${found === null ? 'nothing' : `position ${found}`} where ${expected} must follow.`,
      { hint: 'Stop writers and restore the log from a backup; do not go on from here.' },
    );
  }
}

/** How much of one quota is used, in events or bytes. */
export interface QuotaUse {
  readonly used: number;
  /** What the command would add. */
  readonly asked: number;
  /** null = no bound. */
  readonly limit: number | null;
}

/** Thrown when a command would pass the tenant's quota. Nothing was written; reads go on, and a replay still gets its receipt. */
export class QuotaExceededError extends HoldfastError {
  readonly tenant: string;
  readonly events: QuotaUse;
  readonly bytes: QuotaUse;
  constructor(tenant: string, { events, bytes }: { readonly events: QuotaUse; readonly bytes: QuotaUse }) {
    const passed = [
      { unit: 'events', ...events },
      { unit: 'bytes', ...bytes },
    ].filter(({ used, asked, limit }) => limit !== null && used + asked > limit);
    const what = passed.map(
      ({ unit, used, asked, limit }) => `${used} of ${limit} ${unit} are used, ${asked} more were asked for`,
    );
    super('QUOTA_EXCEEDED', `Tenant "${tenant}" is at its quota: ${what.join('; ')}.`, {
      hint: 'Raise the quota with `holdfast tenants quota`, or archive and drop what is no longer needed.',
    });
    this.tenant = tenant;
    this.events = events;
    this.bytes = bytes;
  }
}

/**
 * Thrown when a command was made from what was known of a subject that has been forgotten since. Nothing was written: a deleted
 * person must not come back through work that was under way.
 */
export class SubjectForgottenError extends HoldfastError {
  readonly subject: string;
  constructor(subject: string, commandId: string) {
    super(
      'SUBJECT_FORGOTTEN',
      `Command "${commandId}" is about "${subject}", who was forgotten after it was prepared.`,
      {
        hint: 'Drop the work; start again from what the log holds now if it is still wanted.',
      },
    );
    this.subject = subject;
  }
}
