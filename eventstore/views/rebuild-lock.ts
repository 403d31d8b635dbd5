import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { RebuildRunningError } from '../errors-rebuild.ts';

/** Two sessions of the owner role, of which the writer holds the lock of rebuilds. */
export interface RebuildSession {
  readonly writer: pg.PoolClient;
  readonly reader: pg.PoolClient;
}

const lockNumber = '7245710362';
const askAgainMs = 250;

/**
 * Runs `body` as the only rebuild or migration of the database. The lock belongs to the writer's session: whoever loses the
 * connection loses both, so that it cannot go on beside the next one.
 * @param onWait called once when somebody else has the lock; without it, throws RebuildRunningError then
 */
export async function withRebuildLock<T>(
  pool: pg.Pool,
  body: (session: RebuildSession) => Promise<T>,
  onWait?: () => void,
): Promise<T> {
  const writer = await pool.connect();
  let reader: pg.PoolClient | undefined;
  try {
    for (let waits = 0; !(await tryLock(writer)); waits++) {
      if (!onWait) throw new RebuildRunningError();
      if (waits === 0) onWait();
      // Asked again and again: a statement that waits for the lock would hold a snapshot, and with it vacuum, all the time.
      await delay(askAgainMs);
    }
    reader = await pool.connect();
    return await body({ writer, reader });
  } finally {
    reader?.release();
    // Closes the session, whatever state it is in; that frees the lock.
    writer.release(true);
  }
}

async function tryLock(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(`select pg_try_advisory_lock(${lockNumber}) as locked`);
  return rows[0]?.locked === true;
}
