import { HoldfastError } from '../errors/holdfast-error.ts';
import type { Position } from './event.ts';

/** Thrown when a log is imported into one that holds something else, or that went on by itself. Nothing was overwritten. */
export class LogNotEmptyError extends HoldfastError {
  readonly tenant: string;
  /** Newest position of the log that is there. */
  readonly position: Position;
  constructor(tenant: string, position: Position) {
    super(
      'LOG_NOT_EMPTY',
      `The log of tenant "${tenant}" has ${position} events of its own; an import needs an empty log, or one that begins like the segments.`,
      { hint: 'Import into another database, or drop the tenant first.' },
    );
    this.tenant = tenant;
    this.position = position;
  }
}

/** Thrown when a segment file, the manifest or the file of keys is not what was written. */
export class SegmentDamagedError extends HoldfastError {
  readonly file: string;
  constructor(file: string, what: string, cause?: unknown) {
    super('SEGMENT_DAMAGED', `The file ${file} is damaged: ${what}.`, {
      hint: 'Take this file from another copy of the folder; the other segments are good as they are.',
      ...(cause === undefined ? {} : { cause }),
    });
    this.file = file;
  }
}

/** Thrown when a file of a folder of segments cannot be written. What was whole before still is. */
export class SegmentFolderError extends HoldfastError {
  constructor(path: string, cause: Error) {
    super('FOLDER_UNUSABLE', `The file ${path} cannot be written: ${cause.message}`, {
      hint: 'Make room, or correct the folder or its permissions; then run it again: it goes on where it stopped.',
      cause,
    });
  }
}

/** Thrown when a folder has no segments for positions that are needed. */
export class SegmentsMissingError extends HoldfastError {
  constructor(folder: string, what: string, hint: string) {
    super('SEGMENTS_MISSING', `The folder ${folder} ${what}.`, { hint });
  }
}

/** Thrown when a folder holds the segments of another log than the one at hand: the chains differ. */
export class SegmentsDivergeError extends HoldfastError {
  constructor(folder: string, tenant: string, position: Position) {
    super(
      'SEGMENTS_DIVERGE',
      `The segments in ${folder} and the log of tenant "${tenant}" differ at position ${position} or before.`,
      { hint: 'Name an empty folder, or that of this very log; `holdfast verify --segments` shows where they part.' },
    );
  }
}

/** Thrown when an operation meets a log that is not whole: the database was changed behind Holdfast's back. */
export class LogDamagedError extends HoldfastError {
  constructor(tenant: string, position: Position, what: string) {
    super('LOG_DAMAGED', `The log of tenant "${tenant}" is damaged at position ${position}: ${what}.`, {
      hint: 'Stop writers and run `holdfast verify`, which lists everything that is wrong.',
    });
  }
}

/** Thrown when another operation on the whole of the same log is under way that this one cannot go beside. */
export class LogBusyError extends HoldfastError {
  constructor(tenant: string) {
    super(
      'LOG_BUSY',
      `Another operation on the whole log of tenant "${tenant}" is under way: an import, archive, forget or verification.`,
      {
        hint: 'Wait until it has ended, then start again.',
        retryable: true,
      },
    );
  }
}

/** Thrown when a copy of a log comes without keys of subjects that were not forgotten. Events were not written. */
export class KeysMissingError extends HoldfastError {
  constructor(folder: string, tenant: string, keys: number) {
    super(
      'KEYS_MISSING',
      `The copy of tenant "${tenant}" in ${folder} lacks ${keys} keys of subjects, without which their personal fields cannot be read.`,
      {
        hint: 'Export again with --with-keys; or import with --without-keys, and these subjects are forgotten in this database.',
      },
    );
  }
}

/** Thrown when events are to be archived that a consumer still needs: it has not come to them, or has parked one. Nothing was deleted. */
export class ConsumersBehindError extends HoldfastError {
  readonly consumer: string;
  /** First position that the consumer still needs. */
  readonly position: Position;
  constructor(tenant: string, consumer: string, position: Position) {
    super(
      'CONSUMERS_BEHIND',
      `Consumer "${consumer}" still needs position ${position} of the log of tenant "${tenant}", which would be archived.`,
      {
        hint: `Let it catch up or decide what it has parked (\`holdfast consumers\`), archive below ${position}, or add --ignore-consumers if it is not used any more.`,
      },
    );
    this.consumer = consumer;
    this.position = position;
  }
}
