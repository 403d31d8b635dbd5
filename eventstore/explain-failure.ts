import { InvalidReadError } from './errors-read.ts';
import {
  StatementTimeoutError,
  StorageFullError,
  StoreOverloadedError,
  StoreReadOnlyError,
  StoreRefusedError,
} from './errors-store.ts';
import { InvalidCommandError, SchemaDriftError, UnknownTenantError, StoreUnavailableError } from './errors.ts';
import { HoldfastError } from '../errors/holdfast-error.ts';

const explanations: Readonly<Record<string, (error: Error) => Error>> = {
  // Raised by our own functions for the number of a tenant that is dropped.
  HF002: (error) => new UnknownTenantError(Number(/\d+/.exec(error.message)?.[0])),
  '53100': (error) => new StorageFullError(error),
  '53000': (error) => new StoreOverloadedError(error),
  '53200': (error) => new StoreOverloadedError(error),
  '53400': (error) => new StoreOverloadedError(error),
  '57014': (error) =>
    new StatementTimeoutError(
      error,
      'Send it again; if it happens often, look for what holds the log (pg_stat_activity) or raise `statementTimeoutMs`.',
    ),
  '25P04': (error) => new StatementTimeoutError(error, "Send it again, or raise the server's transaction_timeout."),
  '55P03': (error) =>
    new StatementTimeoutError(error, 'Another session held the lock (pg_stat_activity shows it); send it again.'),
  '22021': () => new InvalidReadError('A text of the query', 'plain text', 'one with a NUL'),
  '25006': (error) => new StoreReadOnlyError(error),
  '28000': (error) =>
    refused('28000', error, 'Correct user and password in DATABASE_URL, or let the user in (pg_hba.conf).'),
  '28P01': (error) => refused('28P01', error, 'Correct user and password in DATABASE_URL.'),
  '3D000': (error) => refused('3D000', error, 'Create the database, or correct its name in DATABASE_URL.'),
  '42501': (error) =>
    refused(
      '42501',
      error,
      'Let the user of the database URL act as the role: `grant holdfast_app to <user>`; for administration, `holdfast_owner`.',
    ),
  '3F000': drifted,
  '42P01': drifted,
  '42703': drifted,
  '42883': drifted,
};

/**
 * Gives the error that says what a failure of PostgreSQL means and what to do next; everything else as it came. Pure.
 * The database's own error is its `cause`.
 */
export function explainFailure(error: unknown): unknown {
  if (isConnectionFailure(error)) return new StoreUnavailableError(1, error);
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  // Sessions name their role in the startup packet: on a server without Holdfast's roles the connection fails.
  if (error.code === '22023' && /^role "\w+" does not exist$/.test(error.message)) return drifted(error);
  // A statement that was prepared before a migration gave one of its columns another type.
  if (error.code === '0A000' && error.message === 'cached plan must not change result type') return drifted(error);
  // PostgreSQL has no state of its own for a used-up quota or a limit on the size of files.
  if (/: (Disk quota exceeded|File too large)$/.test(error.message)) return new StorageFullError(error);
  return explanations[error.code]?.(error) ?? error;
}

/** The same for what can be run again as a whole: migrations and rebuilds. */
export function explainRebuild(error: unknown): unknown {
  return isConnectionFailure(error)
    ? new StoreUnavailableError(1, error, 'then run it again: it goes on where it stopped.')
    : explainFailure(error);
}

/**
 * The same for a failed append: what PostgreSQL cannot hold as it was sent is an InvalidCommandError. The log takes any text, so this comes
 * from the rows that projections made of it. Texts of the command are left to the `cause`: messages end up in logs.
 */
export function explainRefusal(error: unknown, commandId: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return explainFailure(error);
  if (!/^(22|23|54)\w{3}$/.test(error.code)) return explainFailure(error);
  const said = error.message.replace(/(: )?".*$/s, '');
  const table = 'table' in error && typeof error.table === 'string' ? ` (view "${error.table}")` : '';
  return new InvalidCommandError(
    `Command "${commandId}" makes a row that PostgreSQL cannot hold: ${said}, ${error.code}${table}.`,
    'Look at what its events have in the place of ids, numbers and times.',
    error,
  );
}

function drifted(error: Error): SchemaDriftError {
  return new SchemaDriftError(error.message, error);
}

function refused(sqlState: string, error: Error, hint: string): StoreRefusedError {
  return new StoreRefusedError(sqlState, error, hint);
}

/**
 * True for errors after which the server may be back, and the statement may or may not have been committed; also for
 * transactions that the server ended in favour of another one.
 */
export function isConnectionFailure(error: unknown): boolean {
  // Ours quote what the server said, and whoever threw them has tried enough.
  if (!(error instanceof Error) || error instanceof HoldfastError) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(08\w{3}|57P0[1235]|53300|25P03|40001|40P01)$/.test(code)) return true;
  if (/^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code))
    return true;
  return /connection terminated|connection ended|client has encountered a connection error|client was closed|query read timeout|timeout exceeded when trying to connect/i.test(
    error.message,
  );
}
