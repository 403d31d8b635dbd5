import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openPool, ownerRole } from '../../../eventstore/index.ts';
import type { FreshDatabase } from '../fresh-database.ts';

/** A folder for segments that goes with the test, or with what `onFinished` belongs to. */
export async function segmentFolder(
  onFinished: (remove: () => Promise<void>) => void = onTestFinished,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-segments-'));
  onFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs something with sessions of the owner role. */
export async function asOwner<T>(
  { url }: Pick<FreshDatabase, 'url'>,
  use: (pool: ReturnType<typeof openPool>) => Promise<T>,
): Promise<T> {
  const pool = openPool({ url, role: ownerRole, applicationName: 'holdfast test', statementTimeoutMs: 0 });
  try {
    return await use(pool);
  } finally {
    await pool.end();
  }
}

/** Tables that say who may work on what here, not what a log holds. */
const notOfLogs = new Set(['kysely_migration', 'kysely_migration_lock', 'view_definition', 'tenant', 'segment']);

/** Every row of every table that holds anything of a log, as exact text, in order. Tenants have the same numbers in the databases compared. */
export async function dumpLogs({ admin }: Pick<FreshDatabase, 'admin'>): Promise<Record<string, string[]>> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'holdfast' order by 1`,
  );
  const dumped: Record<string, string[]> = {};
  for (const { name } of tables) {
    if (notOfLogs.has(name)) continue;
    const { rows } = await admin.query<{ row: string }>(
      `select t::text as row from holdfast."${name}" t order by t::text collate "C"`,
    );
    dumped[name] = rows.map(({ row }) => row);
  }
  return dumped;
}

/** Changes rows of one tenant behind Holdfast's back: row-level security keeps the statements to them. */
export async function tamper(database: Pick<FreshDatabase, 'url'>, tenant: string, sql: string): Promise<void> {
  await asOwner(database, async (pool) => {
    await pool.query(
      `begin; select set_config('holdfast.tenant', no::text, true) from holdfast.tenant where id = '${tenant}'; ${sql}; commit`,
    );
  });
}
