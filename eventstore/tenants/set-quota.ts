import { openPool, ownerRole } from '../database.ts';
import { UnknownTenantError } from '../errors.ts';
import { InvalidTenantError } from '../errors-tenant.ts';
import { retryConnection } from '../retry-connection.ts';

/** How much a tenant may store. */
export interface Quota {
  /** Events of its log; null = no bound. */
  readonly maxEvents: number | null;
  /** Bytes of data, meta and results as sent; null = no bound. Views and indexes come on top. */
  readonly maxBytes: number | null;
}

export interface SetQuotaOptions extends Partial<Quota> {
  readonly adminUrl: string;
  readonly tenant: string;
}

/**
 * Sets the quota of a tenant and gives the one that now holds; a bound that is not named stays. It binds from the next append on; one below
 * what is used stops appends and deletes nothing. Throws UnknownTenantError, InvalidTenantError.
 */
export async function setQuota({ adminUrl, tenant, ...quota }: SetQuotaOptions): Promise<Quota> {
  const { maxEvents, maxBytes } = quota;
  for (const [name, value] of Object.entries({ maxEvents, maxBytes })) {
    if (value !== undefined && value !== null && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new InvalidTenantError(
        `The quota ${name} is ${value}; expected a whole number from 0 on, or null for no bound.`,
      );
    }
  }
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast tenants', maxConnections: 1 });
  try {
    const { rows } = await retryConnection(() =>
      pool.query<Quota>(
        `update holdfast.tenant
         set max_events = case when $2 then $3 else max_events end, max_bytes = case when $4 then $5 else max_bytes end
         where id = $1 and state = 'active' returning max_events as "maxEvents", max_bytes as "maxBytes"`,
        [tenant, maxEvents !== undefined, maxEvents ?? null, maxBytes !== undefined, maxBytes ?? null],
      ),
    );
    if (!rows[0]) throw new UnknownTenantError(tenant);
    return rows[0];
  } finally {
    await pool.end();
  }
}
