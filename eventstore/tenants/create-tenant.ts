import { openPool, ownerRole } from '../database.ts';
import { InvalidTenantError, TenantTakenError } from '../errors-tenant.ts';
import { retryConnection } from '../retry-connection.ts';

const maxIdBytes = 200;

/**
 * Creates a tenant and its empty log, once; gives its number. Needs the owner role, so it takes the admin URL. An id is given out
 * once: after the tenant was dropped, it throws TenantTakenError. Throws InvalidTenantError for an id that is not plain text of 1 to 200 bytes.
 */
export async function createTenant(adminUrl: string, tenant: string): Promise<number> {
  const bytes = Buffer.byteLength(tenant);
  if (bytes === 0 || bytes > maxIdBytes || tenant.includes('\0') || !tenant.isWellFormed()) {
    throw new InvalidTenantError(
      `The tenant id ${JSON.stringify(tenant.slice(0, maxIdBytes))} has ${bytes} bytes; expected plain text of 1 to ${maxIdBytes}.`,
    );
  }
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast tenants', maxConnections: 1 });
  try {
    return await retryConnection(async () => {
      const { rows } = await pool.query<{ no: number | null }>('select holdfast.create_tenant($1) as no', [tenant]);
      const no = rows[0]?.no;
      if (no !== undefined && no !== null) return no;
      const { rows: taken } = await pool.query<{ state: string }>('select state from holdfast.tenant where id = $1', [
        tenant,
      ]);
      throw new TenantTakenError(tenant, taken[0]?.state ?? 'dropped');
    });
  } finally {
    await pool.end();
  }
}
