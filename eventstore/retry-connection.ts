import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailableError } from './errors.ts';

const maxAttempts = 6;

/**
 * Runs a repeatable database action again while the connection breaks: up to 6 attempts over about 3 seconds.
 * Throws StoreUnavailableError after the last; every other error passes through at once.
 */
export async function retryConnection<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!isConnectionFailure(error)) throw error;
      if (attempt === maxAttempts) throw new StoreUnavailableError(attempt, error);
      await delay(50 * 2 ** attempt);
    }
  }
}

/** True for errors after which the server may be back and the statement may or may not have committed. */
function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(08...|57P0[123]|53300|25P03)$/.test(code)) return true;
  if (/^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH)$/.test(code)) return true;
  return /connection terminated|connection ended|client has encountered a connection error|timeout exceeded when trying to connect/i.test(
    error.message,
  );
}
