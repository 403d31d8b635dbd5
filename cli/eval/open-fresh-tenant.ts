import { randomBytes } from 'node:crypto';
import type { HoldfastClient } from '../../client/index.ts';
import { createClient, localKeyWrapper } from '../../client/index.ts';
import type { Config } from '../../config/config.ts';
import { createTenant, dropTenant, migrate } from '../../eventstore/index.ts';
import type { Embedder } from '../../llm/ports.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';
import { startPostgres } from '../../stack/start-postgres.ts';
import { findFreePort } from '../../stack/free-port.ts';
import { findKeyWrapper } from '../master-key.ts';

/** A client of a tenant that nobody used before, which is gone at the end of its block. */
export interface FreshTenant extends AsyncDisposable {
  readonly client: HoldfastClient;
  /** `configured`, or a server of its own. */
  readonly stack: 'configured' | 'private';
}

/** Opens a tenant in the database that the environment names, or in a server that is started for it and removed afterwards. */
export async function openFreshTenant(
  config: Config,
  { embedder, onProgress }: { readonly embedder: Embedder | undefined; readonly onProgress: (line: string) => void },
): Promise<FreshTenant> {
  const tenant = `eval-${randomBytes(6).toString('hex')}`;
  const { databaseUrl, adminDatabaseUrl } = config;
  const stack = databaseUrl === null ? 'private' : 'configured';
  const server = databaseUrl === null ? await openPrivate(onProgress) : null;
  const adminUrl = server?.url ?? adminDatabaseUrl ?? databaseUrl ?? '';
  const url = server?.url ?? databaseUrl ?? '';
  try {
    await createTenant(adminUrl, tenant);
    const keyWrapper = server ? localKeyWrapper(randomBytes(32).toString('base64')) : await findKeyWrapper(config);
    const client = await createClient({
      database: { url, adminUrl },
      // Nothing here starts a turn: Temporal is never asked.
      temporal: { address: config.temporal.address ?? '127.0.0.1:1' },
      tenant,
      ...(keyWrapper ? { keyWrapper } : {}),
      ...(embedder ? { embedder } : {}),
    });
    return {
      client,
      stack,
      async [Symbol.asyncDispose]() {
        await client.close();
        if (!server) await dropTenant({ adminUrl, tenant });
        await server?.stop();
      },
    };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

async function openPrivate(onProgress: (line: string) => void): Promise<{ url: string; stop(): Promise<void> }> {
  const dir = await makeStackFolder();
  const postgres = await startPostgres({ dir, port: await findFreePort(), onProgress });
  const stop = async (): Promise<void> => {
    await postgres.stop();
    await removeStackFolder(dir);
  };
  try {
    await migrate({ schema: holdfastSchema, adminUrl: postgres.adminUrl });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: postgres.adminUrl, stop };
}
