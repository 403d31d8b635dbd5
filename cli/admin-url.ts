import type { Config } from '../config/config.ts';

/**
 * URL of the database for commands that change tables or tenants. They need no Temporal, so a database URL alone is enough.
 * Throws HoldfastError NOT_CONNECTED when neither the environment nor a running local stack names one.
 */
export async function findAdminUrl(config: Config): Promise<string> {
  if (config.adminDatabaseUrl !== null) return config.adminDatabaseUrl;
  const { findConnections } = await import('./connect.ts');
  return (await findConnections(config)).adminUrl;
}
