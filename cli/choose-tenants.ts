import type { Config } from '../config/config.ts';
import { UsageError } from './output.ts';

/** Options of commands that work on one tenant or on all of them. */
export interface TenantFlags {
  readonly tenant?: string;
  readonly all?: boolean;
}

/** Ids of the tenants a command is about: the one that is named, all active ones, or that of the settings. Throws USAGE. */
export async function chooseTenants(
  { tenant, all = false }: TenantFlags,
  config: Pick<Config, 'tenant'>,
  adminUrl: string,
): Promise<string[]> {
  if (all && tenant !== undefined) {
    throw new UsageError(`--all and --tenant "${tenant}" were both given.`, 'Name one tenant, or take all.');
  }
  if (!all) return [tenant ?? config.tenant];
  const { listTenants } = await import('../eventstore/index.ts');
  return (await listTenants({ adminUrl })).filter(({ state }) => state === 'active').map(({ id }) => id);
}
