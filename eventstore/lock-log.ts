import type pg from 'pg';
import { LogBusyError } from './errors-segments.ts';

/** First half of the advisory locks of operations on whole logs; the second is the tenant's number. */
const lockClass = 724_571;

/**
 * Runs an import or archive alone on its log, or a verification beside others of its kind. The lock lives with a session, not with a
 * transaction: no snapshot is held, and it ends with the process. Throws LogBusyError at once.
 */
export async function withLogLock<T>(
  pool: pg.Pool,
  log: { readonly id: string; readonly no: number },
  mode: 'alone' | 'shared',
  action: () => Promise<T>,
): Promise<T> {
  const suffix = mode === 'shared' ? '_shared' : '';
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    const { rows } = await client.query<{ taken: boolean }>(`select pg_try_advisory_lock${suffix}($1, $2) as taken`, [
      lockClass,
      log.no,
    ]);
    if (!rows[0]?.taken) throw new LogBusyError(log.id);
    try {
      return await action();
    } finally {
      await client
        .query(`select pg_advisory_unlock${suffix}($1, $2)`, [lockClass, log.no])
        .catch((error: unknown) => (broken = error instanceof Error ? error : new Error(String(error))));
    }
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
