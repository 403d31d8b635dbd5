/** Runs pieces of work on one key one after the other, and those on other keys beside them. */
export type ScopeOrder = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/**
 * Gives an order for the writers of one process. The log decides who is first in any case; those who wait here do not decide, embed and
 * send what another one of them is about to make stale.
 */
export function createScopeOrder(): ScopeOrder {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const mine = (async () => {
      await before;
      return work();
    })();
    // Who comes next waits for its end, however it ends.
    const end = mine.catch(() => undefined);
    last.set(key, end);
    try {
      return await mine;
    } finally {
      if (last.get(key) === end) last.delete(key);
    }
  };
}
