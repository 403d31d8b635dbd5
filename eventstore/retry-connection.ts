import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailableError } from './errors.ts';
import { explainFailure, isConnectionFailure } from './explain-failure.ts';

const maxAttempts = 6;
/** No new attempt is begun after this long: a server that never answers is waited for twice, not six times. */
const patienceMs = 60_000;

/**
 * Runs a repeatable database action again while the connection breaks: up to 6 attempts over about 3 seconds when the server is not
 * there, fewer when each attempt runs into a time limit. Throws StoreUnavailableError after the last; every other error passes
 * through at once, as explainFailure words it.
 */
export async function retryConnection<T>(action: () => Promise<T>): Promise<T> {
  const began = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!isConnectionFailure(error)) throw explainFailure(error);
      if (attempt === maxAttempts || performance.now() - began > patienceMs)
        throw new StoreUnavailableError(attempt, error);
      await delay(50 * 2 ** attempt);
    }
  }
}
