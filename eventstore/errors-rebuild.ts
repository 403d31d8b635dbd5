import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a rebuild is asked for while another one runs on this database. Nothing was changed. */
export class RebuildRunningError extends HoldfastError {
  constructor() {
    super('REBUILD_RUNNING', 'Another rebuild or migration of this database is running; there is one at a time.', {
      hint: 'Wait until it has ended, then ask again.',
      retryable: true,
    });
  }
}

/**
 * Thrown when rebuilt views could not be handed over in time, because other sessions never let go or writers append faster than the
 * log is folded. The live views are as they were; what was built is kept for the next run.
 */
export class HandOverBlockedError extends HoldfastError {
  constructor(attempts: number, what: string) {
    super('HAND_OVER_BLOCKED', `The rebuilt views were not handed over in ${attempts} attempts: ${what}.`, {
      hint: 'Run it again when the database is quieter; it goes on where it stopped.',
      retryable: true,
    });
  }
}

/** Thrown when a rebuild names a view that the code does not define. */
export class UnknownViewError extends HoldfastError {
  constructor(name: string, known: readonly string[]) {
    super('UNKNOWN_VIEW', `There is no view "${name}".`, { hint: `The views are ${[...known].sort().join(', ')}.` });
  }
}
