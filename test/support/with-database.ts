import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { createEventStore, createTenant, openPool } from '../../eventstore/index.ts';
import type { EventStore } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { testSchema } from './test-schema.ts';

/** A database of the test file's own, cloned from the migrated template; tenants `default` and `acme`. */
export interface TestDatabase {
  /** URL of the superuser; sessions opened by `openPool` drop to the application role. */
  readonly url: string;
  /** Sessions of the application role. */
  readonly pool: pg.Pool;
  /** Superuser sessions: sees through row-level security. For checks by SQL. */
  readonly admin: pg.Pool;
  readonly store: EventStore<MemoryEvent>;
}

/**
 * Clones a database before the file's tests and drops it after them; fails the file when a connection was left open.
 * @param template a log with Holdfast's views, or one without any (for tests of the log alone) @default 'holdfast'
 */
export function withDatabase(template: 'holdfast' | 'plain' = 'holdfast'): TestDatabase {
  const opened = {} as { -readonly [K in keyof TestDatabase]: TestDatabase[K] };
  const name = `test_${randomBytes(6).toString('hex')}`;
  beforeAll(async () => {
    const { adminUrl, templateDatabase, plainTemplateDatabase } = inject('servers');
    const source = template === 'plain' ? plainTemplateDatabase : templateDatabase;
    await onServer(adminUrl, `create database ${name} template ${source}`);
    const url = new URL(adminUrl);
    url.pathname = name;
    opened.url = url.href;
    await createTenant(url.href, 'acme');
    opened.pool = openPool({ url: url.href, applicationName: 'holdfast test' });
    opened.admin = new pg.Pool({ connectionString: url.href, options: '-c search_path=holdfast' });
    opened.admin.on('error', () => undefined);
    opened.store = createEventStore({ pool: opened.pool, schema: testSchema });
  });
  afterAll(async () => {
    await opened.pool.end();
    await opened.admin.end();
    const { adminUrl } = inject('servers');
    const left = await openConnections(adminUrl, name);
    await onServer(adminUrl, `drop database ${name} with (force)`);
    if (left.length > 0) throw new Error(`Connections were left open: ${left.join(', ')}`);
  });
  return opened;
}

/** Application names of sessions that still are in the database after a moment to go away. */
async function openConnections(adminUrl: string, name: string): Promise<string[]> {
  const deadline = Date.now() + 3_000;
  for (;;) {
    const rows = await onServer(adminUrl, `select application_name from pg_stat_activity where datname = '${name}'`);
    const names = rows.map((row) => String(row['application_name']));
    if (names.length === 0 || Date.now() > deadline) return names;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function onServer(adminUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
