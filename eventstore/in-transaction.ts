import type pg from 'pg';
import { isConnectionFailure } from './explain-failure.ts';

/**
 * Runs writes of one tenant in one transaction, for administrative operations that know by themselves how to go on after a
 * connection broke: nothing is repeated here.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  tenant: number,
  write: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query(`begin; select set_config('holdfast.tenant', '${tenant}', true)`);
    const result = await write(client);
    await client.query('commit');
    return result;
  } catch (error) {
    if (error instanceof Error && isConnectionFailure(error)) broken = error;
    else await client.query('rollback').catch(() => (broken = new Error('The rollback failed.')));
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
