import type pg from 'pg';
import { UnknownTenantError } from './errors.ts';
import { retryConnection } from './retry-connection.ts';

/** The number of a tenant. Throws UnknownTenantError. */
export async function findTenant(pool: pg.Pool, tenant: string): Promise<number> {
  // NUL would end in a protocol error that says nothing about tenants.
  if (tenant.includes('\0')) throw new UnknownTenantError(tenant.replaceAll('\0', '\uFFFD'));
  const { rows } = await retryConnection(() =>
    pool.query<{ no: number | null }>('select holdfast.find_tenant($1) as no', [tenant]),
  );
  const no = rows[0]?.no;
  if (no === undefined || no === null) throw new UnknownTenantError(tenant);
  return no;
}
