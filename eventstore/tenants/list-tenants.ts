import { openPool, ownerRole } from '../database.ts';
import { retryConnection } from '../retry-connection.ts';
import type { Quota } from './set-quota.ts';

/** A tenant with what it uses. */
export interface TenantUsage {
  readonly id: string;
  /** `active`; in every other state nobody can append or read: `importing`, `dropping` (a drop was begun), `dropped` (nothing is left). */
  readonly state: 'active' | 'importing' | 'dropping' | 'dropped';
  readonly createdAt: Date;
  /** Events ever appended, archived ones included. */
  readonly events: number;
  /** Bytes of data, meta and results as sent: what the quota counts. */
  readonly bytes: number;
  readonly streams: number;
  readonly quota: Quota;
}

/** All tenants in order of id, also dropped ones. Needs the owner role, so it takes the admin URL. */
export async function listTenants({ adminUrl }: { readonly adminUrl: string }): Promise<TenantUsage[]> {
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast tenants', maxConnections: 1 });
  try {
    const { rows } = await retryConnection(() =>
      pool.query<Omit<TenantUsage, 'quota'> & Quota>(
        `select id, state, created_at as "createdAt", events, bytes, streams, max_events as "maxEvents", max_bytes as "maxBytes"
         from holdfast.tenant_usage()`,
      ),
    );
    return rows.map(({ maxEvents, maxBytes, ...tenant }) => ({ ...tenant, quota: { maxEvents, maxBytes } }));
  } finally {
    await pool.end();
  }
}
