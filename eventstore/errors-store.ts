import { HoldfastError } from '../errors/holdfast-error.ts';

/**
 * Thrown when the server has no room left. The command was not stored (or, when the write-ahead log had no room and the server went
 * down, in doubt). Retryable: once there is room, the same command ends in one receipt.
 */
export class StorageFullError extends HoldfastError {
  constructor(cause: Error) {
    super('STORAGE_FULL', `PostgreSQL has no storage left: ${cause.message}.`, {
      hint: 'Free space on the disk of the PostgreSQL data (or of pg_wal), then send the same command again: it is stored at most once.',
      retryable: true,
      cause,
    });
  }
}

/** Thrown when a statement took longer than its limit, or waited longer for a lock than allowed. It was rolled back. */
export class StatementTimeoutError extends HoldfastError {
  constructor(cause: Error, hint: string) {
    super('STATEMENT_TIMEOUT', `PostgreSQL ended the statement: ${cause.message}.`, { hint, retryable: true, cause });
  }
}

/** Thrown when the server lacks memory or another resource for the statement. Nothing was written. */
export class StoreOverloadedError extends HoldfastError {
  constructor(cause: Error) {
    super('STORE_OVERLOADED', `PostgreSQL lacks the resources for the statement: ${cause.message}.`, {
      hint: "Look into the server's log; lower the number of connections or work_mem, or give the server more memory.",
      retryable: true,
      cause,
    });
  }
}

/** Thrown when the server takes no writes, as a standby does after a failover. Nothing was written. */
export class StoreReadOnlyError extends HoldfastError {
  constructor(cause: Error) {
    super('STORE_READ_ONLY', `PostgreSQL takes no writes here: ${cause.message}.`, {
      hint: 'Point DATABASE_URL at the primary server; after a failover, wait until it has moved. Reads through `withTenant` cannot write.',
      retryable: true,
      cause,
    });
  }
}

/** Thrown when the server refuses the login, the database or a right. Retryable, because an operator can mend it meanwhile. */
export class StoreRefusedError extends HoldfastError {
  /** Five characters by which PostgreSQL names the reason. */
  readonly sqlState: string;
  constructor(sqlState: string, cause: Error, hint: string) {
    super('STORE_REFUSED', `PostgreSQL refused: ${cause.message}.`, { hint, retryable: true, cause });
    this.sqlState = sqlState;
  }
}
