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
  constructor(
    tenant: string,
    base: Position,
    hint = `Read from position ${base + 1} on, or take the events before it from the segment files of the archive.`,
  ) {
    super(
      'LOG_ARCHIVED',
      `The log of tenant "${tenant}" is archived up to position ${base}; it can be read after that.`,
      { hint },
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

/** Which event could not be given in its current shape. */
export interface UnreadableEvent {
  readonly type: string;
  readonly position: Position;
  /** The schema version it was stored in. */
  readonly found: number;
}

/** Thrown when a reader meets an event in a version that a newer process wrote. It stops there: to guess would be to lose data. */
export class UnknownSchemaVersionError extends HoldfastError {
  readonly type: string;
  readonly position: Position;
  readonly found: number;
  readonly known: number;
  constructor({ type, position, found, known }: UnreadableEvent & { readonly known: number }) {
    super(
      'UNKNOWN_SCHEMA_VERSION',
      `The event ${type} at position ${position} has schema version ${found}; this process knows versions up to ${known}.`,
      { hint: 'Upgrade this process to the version that wrote it, or a later one.' },
    );
    this.type = type;
    this.position = position;
    this.found = found;
    this.known = known;
  }
}

/** Thrown when an upcaster throws: the event is in the log, the code cannot bring it into its current shape. */
export class UpcastFailedError extends HoldfastError {
  readonly type: string;
  readonly position: Position;
  readonly found: number;
  constructor({ type, position, found }: UnreadableEvent, cause: unknown) {
    super(
      'UPCAST_FAILED',
      `The event ${type} at position ${position} could not be brought from schema version ${found} to the current one: ${
        cause instanceof Error ? cause.message : String(cause)
      }`,
      { hint: `Mend the upcaster of ${type}: it must take everything that was ever stored in that version.`, cause },
    );
    this.type = type;
    this.position = position;
    this.found = found;
  }
}

/** Thrown when the state of a fold would not survive JSON, and so could not come from a snapshot. */
export class InvalidFoldError extends HoldfastError {
  constructor(fold: string) {
    super(
      'INVALID_FOLD',
      `The state of fold "${fold}" is not plain JSON; a snapshot would not give it back as it was.`,
      {
        hint: 'Hold only objects, arrays, strings, booleans, null and finite numbers in it: no Date, Map, Set, bigint or class.',
      },
    );
  }
}

/** Thrown when a query is sent after the read that it belongs to has settled. It was not run. */
export class ReadEndedError extends HoldfastError {
  constructor() {
    super('READ_ENDED', "A query was sent after its read had ended; its connection may be somebody else's by now.", {
      hint: 'Await every query inside the read. Where one of several in parallel failed, that failure is what to look at.',
    });
  }
}
