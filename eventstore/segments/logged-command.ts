import type { Position } from '../event.ts';
import { bodyDigest, contentDigest, nextChain } from '../chain.ts';

/** A command with its events exactly as the log stores them: what export, import and verify work on. */
export interface LoggedCommand {
  readonly id: string;
  /** Hash of what was asked for, in hex. */
  readonly bodyHash: string;
  readonly firstPosition: Position;
  readonly lastPosition: Position;
  /** `recorded_at` as whole microseconds of the epoch. */
  readonly micros: string;
  /** Chain after this command, in hex. */
  readonly chain: string;
  /** Exact JSON text. */
  readonly meta: string;
  /** Exact JSON text. */
  readonly result: string;
  readonly events: readonly LoggedEvent[];
}

/** An event exactly as the log stores it. */
export interface LoggedEvent {
  readonly position: Position;
  /** Number of its stream in this log. */
  readonly streamNo: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly subjects: readonly string[];
  /** `recorded_at` as whole microseconds of the epoch; that of its command. */
  readonly micros: string;
  /** Exact JSON text, ciphertext where fields are personal. */
  readonly data: string;
}

/** The chain after a command, computed from what is stored, in hex. `previous` is the chain before it, '' for the first. */
export function chainAfter(previous: string, command: LoggedCommand): string {
  const { meta, firstPosition, micros } = command;
  const digest = bodyDigest(contentDigest(command), meta);
  return nextChain(Buffer.from(previous, 'hex'), digest, firstPosition, micros).toString('hex');
}

/** Size of a command as quotas count it: bytes of its data, meta and result. */
export function bytesOf({ meta, result, events }: LoggedCommand): number {
  return [meta, result, ...events.map(({ data }) => data)].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
