import type pg from 'pg';
import { UnknownTenantError } from '../errors.ts';
import { retryConnection } from '../retry-connection.ts';

/** The number of a tenant. Throws UnknownTenantError. */
export async function findTenant(pool: pg.Pool, tenant: string): Promise<number> {
  // Neither can be part of an id; sent to the server, one is a protocol error and the other turns into another text.
  if (tenant.includes('\0') || !tenant.isWellFormed()) throw new UnknownTenantError(tenant);
  const { rows } = await retryConnection(() =>
    pool.query<{ no: number | null }>('select holdfast.find_tenant($1) as no', [tenant]),
  );
  const no = rows[0]?.no;
  if (no === undefined || no === null) throw new UnknownTenantError(tenant);
  return no;
}
