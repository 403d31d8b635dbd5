import { stat } from 'node:fs/promises';
import pg from 'pg';
import type { PrivatePostgres } from '../../chaos/private-servers.ts';
import { startPrivatePostgres } from '../../chaos/private-servers.ts';
import { createTenant, migrate } from '../../eventstore/index.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';
import { plainSchema } from './shapes.ts';

/** A PostgreSQL of one test, which may do anything to it. Holds a log without views, with tenant `acme`. */
export interface PrivateServer extends PrivatePostgres, AsyncDisposable {
  /** URL of the database, as superuser. */
  readonly url: string;
}

/** Starts a server of the test's own: `await using server = await startPrivateServer()`. Takes about 3 s. */
export async function startPrivateServer(): Promise<PrivateServer> {
  const dir = await makeStackFolder();
  const postgres = await startPrivatePostgres(dir);
  const url = new URL(postgres.adminUrl);
  url.pathname = 'log';
  try {
    const client = new pg.Client({ connectionString: postgres.adminUrl });
    await client.connect();
    await client.query('create database log');
    await client.end();
    await migrate({ adminUrl: url.href, schema: plainSchema });
    await createTenant(url.href, 'acme');
  } catch (error) {
    await postgres.stop();
    await removeStackFolder(dir);
    throw error;
  }
  return Object.assign(postgres, {
    url: url.href,
    [Symbol.asyncDispose]: async () => {
      await postgres.stop();
      await removeStackFolder(dir);
    },
  });
}

/** User and group the server runs as. */
export async function serverAccount({ dataDir }: PrivateServer): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(dataDir);
  return { uid, gid };
}
