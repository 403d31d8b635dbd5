import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Position } from './event.ts';

/** Thrown when options of a read make no sense. Nothing was read. */
export class InvalidReadError extends HoldfastError {
  constructor(what: string, expected: string, given: unknown) {
    super('INVALID_READ', `${what} is ${String(given)}; expected ${expected}.`);
  }
}

/** Thrown when a read asks for events that were archived and deleted. Views still know what those events said. */
export class LogArchivedError extends HoldfastError {
  readonly tenant: string;
  /** The last archived position. */
  readonly base: Position;
  constructor(tenant: string, base: Position) {
    super(
      'LOG_ARCHIVED',
      `The log of tenant "${tenant}" is archived up to position ${base}; it can be read after that.`,
      {
        hint: `Read from position ${base + 1} on, or take the events before it from the segment files of the archive.`,
      },
    );
    this.tenant = tenant;
    this.base = base;
  }
}

/** Thrown when the versions of a stream have a hole: the database was changed behind Holdfast's back. */
export class StreamNotDenseError extends HoldfastError {
  readonly stream: string;
  constructor(stream: string, expected: number, found: number | null) {
    super(
      'STREAM_NOT_DENSE',
      `Stream "${stream}" has ${found === null ? 'nothing' : `version ${found}`} where version ${expected} must follow.`,
      { hint: 'Stop writers and restore the log from a backup; do not go on from here.' },
    );
    this.stream = stream;
  }
}
