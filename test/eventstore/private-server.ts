import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { createTenant, migrate } from '../../eventstore/index.ts';
import { endProcess, readProcessStart } from '../../stack/process-identity.ts';
import { startPostgres } from '../../stack/start-postgres.ts';
import { makeStackFolder, removeStackFolder } from '../support/stack-folder.ts';
import { plainSchema } from './shapes.ts';

/** A PostgreSQL of one test, which may do anything to it. Holds a log without views, with tenant `acme`. */
export interface PrivateServer extends AsyncDisposable {
  /** URL of the database, as superuser. */
  readonly url: string;
  readonly dataDir: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Sends a signal to the postmaster and waits until it is gone. */
  end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** Starts it again, or takes over the one that runs. */
  start(): Promise<void>;
  /** What the server has written into its log so far. */
  said(): Promise<string>;
}

/** Starts a server of the test's own: `await using server = await startPrivateServer()`. Takes about 3 s. */
export async function startPrivateServer(): Promise<PrivateServer> {
  const dir = await makeStackFolder();
  const start = () => startPostgres({ dir, onProgress: () => undefined });
  let running = await start();
  const location = JSON.parse(await readFile(join(dir, 'postgres', 'location.json'), 'utf8')) as { dataDir: string };
  const url = new URL(running.adminUrl);
  url.pathname = 'log';
  try {
    const client = new pg.Client({ connectionString: running.adminUrl });
    await client.connect();
    await client.query('create database log');
    await client.end();
    await migrate({ adminUrl: url.href, schema: plainSchema });
    await createTenant(url.href, 'acme');
  } catch (error) {
    await running.stop();
    await removeStackFolder(dir);
    throw error;
  }
  return {
    url: url.href,
    dataDir: location.dataDir,
    get pid() {
      return running.pid;
    },
    end: async (signal) => {
      const begun = await readProcessStart(running.pid);
      if (begun === undefined) return;
      await endProcess({ name: 'Postgres', pid: running.pid, start: begun, signals: [[signal, 30_000]] });
    },
    start: async () => {
      running = await start();
      if (running.port !== Number(url.port)) throw new Error(`The server moved to port ${running.port}.`);
    },
    said: () => readFile(join(dir, 'postgres', 'server.log'), 'utf8'),
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      await removeStackFolder(dir);
    },
  };
}

/** User and group the server runs as. */
export async function serverAccount({ dataDir }: PrivateServer): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(dataDir);
  return { uid, gid };
}
