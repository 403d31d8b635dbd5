import { KeyUnavailableError } from '../errors-keys.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import type { Lru } from './lru.ts';
import { createLru } from './lru.ts';

/** Keys kept unwrapped per wrapper: a key service need not be asked again for each page of events. */
const mostKeys = 10_000;

/**
 * Known by what was stored, never by whose key it is: a destroyed key is no longer stored, so nobody finds it here. Per wrapper: a process
 * with other master keys must not read by way of ours.
 */
const unwrapped = new WeakMap<KeyWrapper, Lru<Promise<Buffer>>>();

/** A subject's key as the table holds it. */
export interface WrappedKey {
  readonly wrapped: Buffer;
  /** Which key wrapped it. */
  readonly kekId: string | null;
}

/** Unwraps a subject's key, or gives it from memory. Throws KeyUnavailableError. */
export async function unwrapKey(wrapper: KeyWrapper | undefined, { wrapped, kekId }: WrappedKey): Promise<Buffer> {
  if (!wrapper) {
    throw new KeyUnavailableError(
      `Personal fields are encrypted under master key ${kekId ?? '(unknown)'}, and none is set.`,
      {
        kekId,
      },
    );
  }
  const known = unwrapped.get(wrapper) ?? createLru(mostKeys);
  unwrapped.set(wrapper, known);
  const id = wrapped.toString('base64');
  const before = known.get(id);
  if (before) return before;
  const asked = wrapper.unwrap(wrapped).catch((error: unknown) => {
    known.delete(id);
    if (error instanceof KeyUnavailableError) throw error;
    throw new KeyUnavailableError(`The key service did not unwrap a key of ${kekId ?? wrapper.id}.`, {
      kekId,
      cause: error,
    });
  });
  known.set(id, asked);
  return asked;
}
