import type pg from 'pg';
import { inTransaction } from '../in-transaction.ts';

/** The lock that every rebuild holds while it lives. */
const rebuildLock = '7245710362';

/**
 * Empties one log's rows in what a rebuild of views left behind when it was killed: they may say what was forgotten since. The next
 * rebuild begins this log again. One that is alive is left alone: it notices by itself that a key has gone.
 */
export async function clearAbandonedShadows(pool: pg.Pool, tenant: number): Promise<void> {
  await inTransaction(pool, tenant, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `select format('holdfast.%I', c.relname) as name from pg_class c
       where c.relnamespace = 'holdfast'::regnamespace and c.relkind = 'r'
         and (c.relname = 'view_rebuild' or c.relname like '%\\_\\_next' or c.relname like '%\\_\\_old')`,
    );
    if (rows.length === 0) return;
    const { rows: locks } = await client.query<{ taken: boolean }>(
      `select pg_try_advisory_xact_lock(${rebuildLock}) as taken`,
    );
    if (!locks[0]?.taken) return;
    for (const { name } of rows) await client.query(`delete from ${name} where tenant = $1`, [tenant]);
  });
}
