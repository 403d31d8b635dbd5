import { createHash } from 'node:crypto';

/** What a command stored, as exact texts: everything the chain vouches for besides where and when. */
export interface CommandBody {
  readonly id: string;
  /** Exact JSON text. */
  readonly meta: string;
  /** Exact JSON text. */
  readonly result: string;
  readonly events: readonly {
    readonly stream: string;
    readonly type: string;
    readonly schemaVersion: number;
    readonly subjects: readonly string[];
    /** Exact JSON text, ciphertext where fields are personal: the chain holds after a subject was forgotten. */
    readonly data: string;
  }[];
}

/** Where and when the log took a command. */
export interface CommandPlace {
  readonly firstPosition: number;
  /** `recorded_at` as whole microseconds of the epoch. */
  readonly micros: string;
  /** Versions before the command of the streams its events went to, in order of each stream's first event. */
  readonly bases: readonly number[];
}

/** SHA-256 of a command's body. Each text is prefixed with its length in bytes, so no two different bodies hash alike. */
export function bodyDigest({ id, meta, result, events }: CommandBody): Buffer {
  const hash = createHash('sha256');
  const add = (text: string): void => {
    hash.update(`${Buffer.byteLength(text)}:`).update(text);
  };
  for (const text of [id, meta, result]) add(text);
  for (const { stream, type, schemaVersion, subjects, data } of events) {
    add(stream);
    add(type);
    add(String(schemaVersion));
    add(JSON.stringify(subjects));
    add(data);
  }
  return hash.digest();
}

/**
 * The chain after a command: SHA-256 of the chain before it, the digest of its body and its place. `append_commands` computes the
 * same in SQL; this is how `verify` proves that nothing was changed since.
 */
export function nextChain(previous: Buffer, digest: Buffer, { firstPosition, micros, bases }: CommandPlace): Buffer {
  return createHash('sha256')
    .update(previous)
    .update(digest)
    .update(`${firstPosition}|${micros}|${bases.map((base) => `${base},`).join('')}`)
    .digest();
}
