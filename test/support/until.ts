import { setTimeout as delay } from 'node:timers/promises';

/** Asks again until the answer is there; throws after the deadline with what was waited for. Null and undefined = not yet. */
export async function until<T>(
  what: string,
  ask: () => T | null | undefined | Promise<T | null | undefined>,
  { timeoutMs = 20_000, everyMs = 25 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}.`);
    await delay(everyMs);
  }
}
