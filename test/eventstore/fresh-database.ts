import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { openPool } from '../../eventstore/index.ts';

/** An empty database of one test; dropped at the end of its block. */
export interface FreshDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** Sessions of the application role. */
  readonly pool: pg.Pool;
  /** Superuser sessions. */
  readonly admin: pg.Pool;
}

/** Creates a database for one test: `await using database = await freshDatabase()`. Empty, or a clone of `template`. */
export async function freshDatabase(template?: string): Promise<FreshDatabase> {
  const { adminUrl } = inject('servers');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(adminUrl, `create database ${name} ${template === undefined ? '' : `template ${template}`}`);
  const url = new URL(adminUrl);
  url.pathname = name;
  const pool = openPool({ url: url.href, applicationName: 'holdfast test' });
  const admin = new pg.Pool({ connectionString: url.href, options: '-c search_path=holdfast' });
  admin.on('error', () => undefined);
  return {
    name,
    url: url.href,
    pool,
    admin,
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await admin.end();
      await onServer(adminUrl, `drop database ${name} with (force)`);
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
