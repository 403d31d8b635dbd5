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

/** Thrown when a command breaks a rule of the log before anything is sent. */
export class InvalidCommandError extends HoldfastError {
  constructor(message: string, hint?: string) {
    super('INVALID_COMMAND', message, hint === undefined ? {} : { hint });
  }
}

/** Thrown when a tenant is not known (or was dropped). Unknown scope is an error, never an empty answer. */
export class UnknownTenantError extends HoldfastError {
  readonly tenant: string;
  constructor(tenant: string) {
    super('UNKNOWN_TENANT', `There is no tenant "${tenant}".`, {
      hint: 'Create it with `holdfast migrate --tenant <id>`, or set HOLDFAST_TENANT to one that exists.',
    });
    this.tenant = tenant;
  }
}

/** Thrown when Postgres cannot be reached or broke the connection more often than the store retries. Safe to try again. */
export class StoreUnavailableError extends HoldfastError {
  constructor(attempts: number, cause: unknown) {
    super(
      'STORE_UNAVAILABLE',
      `PostgreSQL did not answer in ${attempts} attempts: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'Check that the server at DATABASE_URL runs, then send the same command again: a command is stored at most once.',
        retryable: true,
        cause,
      },
    );
  }
}

/** Thrown when the tables do not match the code. Nothing runs on a schema it does not know. */
export class SchemaDriftError extends HoldfastError {
  constructor(what: string) {
    super('SCHEMA_DRIFT', `The database does not match this version of Holdfast: ${what}.`, {
      hint: 'Run `holdfast migrate`, then start again.',
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
  constructor(tenant: string, expected: number, found: number) {
    super('LOG_NOT_DENSE', `The log of tenant "${tenant}" has position ${found} where ${expected} must follow.`, {
      hint: 'Stop writers and restore the log from a backup; do not go on from here.',
    });
  }
}
