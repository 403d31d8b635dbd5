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

/**
 * SHA-256 over what a command asked for: id, answer and events. Each text is prefixed with its length in bytes, so no two
 * different lists hash alike.
 */
export function contentDigest({ id, result, events }: Omit<CommandBody, 'meta'>): Buffer {
  const hash = createHash('sha256');
  const add = (text: string): void => {
    hash.update(`${Buffer.byteLength(text)}:`).update(text);
  };
  add(id);
  add(result);
  for (const { stream, type, schemaVersion, subjects, data } of events) {
    add(stream);
    add(type);
    add(`${schemaVersion}${JSON.stringify(subjects)}`);
    add(data);
  }
  return hash.digest();
}

/** SHA-256 of a command's body: of the digest of its content and of who and what caused it. */
export function bodyDigest(content: Buffer, meta: string): Buffer {
  return createHash('sha256').update(content).update(meta).digest();
}

/**
 * The chain after a command: SHA-256 of the chain before it, the digest of its body, its first position and its time (`recorded_at` as
 * whole microseconds of the epoch). Versions follow from positions, as those of each stream are dense. `append_commands` computes the same
 * in SQL; this is how `verify` proves that nothing was changed since.
 */
export function nextChain(previous: Buffer, digest: Buffer, firstPosition: number, micros: string): Buffer {
  return createHash('sha256').update(previous).update(digest).update(`${firstPosition}|${micros}`).digest();
}
