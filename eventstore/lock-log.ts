import type pg from 'pg';
import { LogBusyError } from './errors-segments.ts';

/** First halves of the advisory locks of operations on whole logs; the second is the tenant's number. */
const lockClasses = { changes: 724_571, moves: 724_572 } as const;

/**
 * What an operation must be alone with: `alone` keeps out others that change what the log says (forget, import, archive); `moving` keeps out
 * these and whoever reads the whole log (import, archive); `shared` only keeps out those that move.
 */
export type LogLockMode = 'alone' | 'moving' | 'shared';

const locksOf: Readonly<Record<LogLockMode, readonly string[]>> = {
  alone: [`lock(${lockClasses.changes}`],
  moving: [`lock(${lockClasses.changes}`, `lock(${lockClasses.moves}`],
  shared: [`lock_shared(${lockClasses.moves}`],
};

/**
 * Runs an operation on a whole log beside no other that it cannot go with. The lock lives with a session, not with a transaction: no
 * snapshot is held, and it ends with the process. Throws LogBusyError at once.
 */
export async function withLogLock<T>(
  pool: pg.Pool,
  log: { readonly id: string; readonly no: number },
  mode: LogLockMode,
  action: () => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  const onError = (): void => undefined;
  client.on('error', onError);
  try {
    for (const lock of locksOf[mode]) {
      const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_${lock}, $1) as taken`, [log.no]);
      if (!rows[0]?.taken) throw new LogBusyError(log.id);
    }
    return await action();
  } finally {
    client.off('error', onError);
    // Ends the session, and with it the locks, whatever state it is in.
    client.release(true);
  }
}
