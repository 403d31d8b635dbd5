import type pg from 'pg';
import { openPool, ownerRole } from '../database.ts';
import { SchemaDriftError, UnknownTenantError } from '../errors.ts';
import { retryConnection } from '../retry-connection.ts';

export interface DropTenantOptions {
  readonly adminUrl: string;
  readonly tenant: string;
  /** Only count what would be deleted. @default false */
  readonly dryRun?: boolean;
  /** Rows deleted per transaction. @default 2000 */
  readonly batchSize?: number;
  readonly onProgress?: (line: string) => void;
}

/** What was deleted, or would be. */
export interface DropTenantReport {
  readonly tenant: string;
  readonly dryRun: boolean;
  /** Rows by table, only tables that had some. A resumed drop counts what it deleted itself. */
  readonly rows: Readonly<Record<string, number>>;
}

/**
 * Drops a tenant for good. First, in one transaction: appends and reads of it fail with UnknownTenantError from then on, in every process,
 * and the keys of its personal fields are destroyed. Then the rows of every table that has a tenant are deleted in small
 * transactions. Killed in the middle, the next call goes on. The id is not given out again.
 * Files of archived segments stay where they are. Throws UnknownTenantError.
 */
export async function dropTenant(options: DropTenantOptions): Promise<DropTenantReport> {
  const { adminUrl, tenant, dryRun = false, batchSize = 2_000, onProgress } = options;
  // Counting a large table for a dry run takes its time.
  const pool = openPool({
    ...{ url: adminUrl, role: ownerRole, applicationName: 'holdfast tenants', maxConnections: 1 },
    statementTimeoutMs: 600_000,
  });
  try {
    if (dryRun) {
      const no = await findTenant(pool, tenant);
      return { tenant, dryRun, rows: await countRows(pool, no) };
    }
    const no = await beginDrop(pool, tenant);
    onProgress?.(`tenant ${tenant} is closed, its keys are destroyed`);
    const rows: Record<string, number> = {};
    do {
      for (const table of await tenantTables(pool)) {
        for (;;) {
          const deleted = await deleteBatch(pool, { table, no, batchSize });
          if (deleted === 0) break;
          rows[table] = (rows[table] ?? 0) + deleted;
          onProgress?.(`deleted ${rows[table]} rows of ${table}`);
        }
      }
      // Whoever was in the middle of writing when the tenant was closed has ended by now, and may have left rows.
    } while (!(await endDrop(pool, no)));
    return { tenant, dryRun, rows };
  } finally {
    await pool.end();
  }
}

async function findTenant(pool: pg.Pool, tenant: string): Promise<number> {
  const { rows } = await retryConnection(() =>
    pool.query<{ no: number }>('select no from holdfast.tenant where id = $1', [tenant]),
  );
  if (!rows[0]) throw new UnknownTenantError(tenant);
  return rows[0].no;
}

async function beginDrop(pool: pg.Pool, tenant: string): Promise<number> {
  const { rows } = await retryConnection(() =>
    pool.query<{ no: number | null }>('select holdfast.begin_drop_tenant($1) as no', [tenant]),
  );
  const no = rows[0]?.no;
  if (no === undefined || no === null) throw new UnknownTenantError(tenant);
  return no;
}

/** Every table that holds rows of tenants, also ones of later versions and of other rooms. */
async function tenantTables(pool: pg.Pool): Promise<string[]> {
  const { rows } = await retryConnection(() =>
    pool.query<{ name: string }>(
      `select c.relname as name from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
       where c.relnamespace = 'holdfast'::regnamespace and c.relkind = 'r' order by 1`,
    ),
  );
  return rows.map(({ name }) => name);
}

async function countRows(pool: pg.Pool, no: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of await tenantTables(pool)) {
    const [row] = await asTenant<{ n: number }>(
      pool,
      no,
      `select count(*) as n from ${quote(table)} where tenant = ${no}`,
    );
    if (row && row.n > 0) counts[table] = row.n;
  }
  return counts;
}

async function deleteBatch(
  pool: pg.Pool,
  { table, no, batchSize }: { readonly table: string; readonly no: number; readonly batchSize: number },
): Promise<number> {
  const [row] = await ofTable<{ n: number }>(
    pool,
    no,
    `with gone as (
       delete from ${quote(table)}
       where ctid = any (array(select ctid from ${quote(table)} where tenant = ${no} limit ${Math.trunc(batchSize)})) and tenant = ${no}
       returning 1)
     select count(*) as n from gone`,
  );
  return row?.n ?? 0;
}

/** Ends the drop unless a table still holds rows. */
async function endDrop(pool: pg.Pool, no: number): Promise<boolean> {
  for (const table of await tenantTables(pool)) {
    if ((await ofTable(pool, no, `select from ${quote(table)} where tenant = ${no} limit 1`)).length > 0) return false;
  }
  await retryConnection(() =>
    pool.query(`update holdfast.tenant set state = 'dropped', max_events = null, max_bytes = null where no = $1`, [no]),
  );
  return true;
}

/** Runs one statement as a transaction of its own, for which row-level security shows the tenant. */
async function asTenant<T extends pg.QueryResultRow>(pool: pg.Pool, no: number, statement: string): Promise<T[]> {
  // Several statements in one message are one transaction; the driver gives one result each, which its types do not tell.
  const results = (await retryConnection(() =>
    pool.query(`select set_config('holdfast.tenant', '${no}', true); ${statement}`),
  )) as unknown as readonly pg.QueryResult<T>[];
  return results[1]?.rows ?? [];
}

/** The same for a table that a rebuild of views may have taken away since it was found: then it has no rows. */
async function ofTable<T extends pg.QueryResultRow>(pool: pg.Pool, no: number, statement: string): Promise<T[]> {
  return asTenant<T>(pool, no, statement).catch((error: unknown) => {
    if (error instanceof SchemaDriftError) return [];
    throw error;
  });
}

function quote(table: string): string {
  return `holdfast."${table.replaceAll('"', '""')}"`;
}
