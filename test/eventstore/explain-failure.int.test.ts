import { describe, expect, test } from 'vitest';
import type pg from 'pg';
import { assertSafeRole, createEventStore, createTenant, migrate, openPool } from '../../eventstore/index.ts';
import type { DatabaseOptions, EventStore } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { freshDatabase } from './fresh-database.ts';
import type { Noted } from './shapes.ts';
import { note, plainSchema } from './shapes.ts';

const database = withDatabase('plain');

/** What the calls of a store on this database reject with: an append, a read, and the question for a tenant. */
async function failures(options: Partial<DatabaseOptions>): Promise<unknown[]> {
  const pool = openPool({ url: database.url, maxConnections: 2, ...options });
  try {
    const store = createEventStore<Noted>({ pool, schema: plainSchema });
    const calls = [store.append('acme', note('x', 'x')), store.head('acme'), store.tenantNumber('acme')];
    return await Promise.all(calls.map((call) => call.then(String, (error: unknown) => error)));
  } finally {
    await pool.end();
  }
}

function urlWith(change: (url: URL) => void, from = database.url): string {
  const url = new URL(from);
  change(url);
  return url.href;
}

/** Runs with the head of acme's log held by another session. */
async function whileHeld<T>(run: () => Promise<T>): Promise<T> {
  const holder = await database.admin.connect();
  try {
    await holder.query('begin');
    await holder.query(`select from log_head where tenant = (select no from tenant where id = 'acme') for update`);
    return await run();
  } finally {
    await holder.query('rollback');
    holder.release();
  }
}

async function append(pool: pg.Pool, id: string): Promise<unknown> {
  const store: EventStore<Noted> = createEventStore({ pool, schema: plainSchema });
  return store.append('acme', note(id, id)).catch((error: unknown) => error);
}

describe('a login that is refused', () => {
  test.each([
    ['a wrong password', (url: URL) => (url.password = 'wrong'), '28P01', /password/],
    ['a database that does not exist', (url: URL) => (url.pathname = 'nowhere'), '3D000', /Create the database/],
  ])('%s: STORE_REFUSED from every call', async (_name, change, sqlState, hint) => {
    for (const error of await failures({ url: urlWith(change) })) {
      expect(error).toMatchObject({ code: 'STORE_REFUSED', sqlState, hint: expect.stringMatching(hint) as string });
    }
  });

  test('a user who may not act as the application role: STORE_REFUSED with the grant that helps', async () => {
    await database.admin.query(`create role holdfast_test_stranger login password 's'`);
    try {
      const url = urlWith((one) => ([one.username, one.password] = ['holdfast_test_stranger', 's']));
      for (const error of await failures({ url })) {
        expect(error).toMatchObject({
          code: 'STORE_REFUSED',
          sqlState: '42501',
          hint: expect.stringContaining('grant holdfast_app to') as string,
        });
      }
    } finally {
      await database.admin.query('drop role holdfast_test_stranger');
    }
  });
});

describe('a database that is not ready', () => {
  test('an empty one: SCHEMA_DRIFT', async () => {
    await using empty = await freshDatabase();
    for (const error of await failures({ url: empty.url })) {
      expect(error).toMatchObject({
        code: 'SCHEMA_DRIFT',
        hint: expect.stringContaining('holdfast migrate') as string,
      });
    }
  });

  test('one without the append function: SCHEMA_DRIFT, and what there is can be read', async () => {
    await using bare = await freshDatabase();
    await migrate({ adminUrl: bare.url, schema: plainSchema });
    await createTenant(bare.url, 'acme');
    await bare.admin.query(`do $$ declare f text; begin
      for f in select oid::regprocedure from pg_proc where proname = 'append_commands' loop execute 'drop function ' || f; end loop; end $$`);
    const [appended, head] = await failures({ url: bare.url });
    expect(appended).toMatchObject({ code: 'SCHEMA_DRIFT', message: expect.stringContaining('append') as string });
    expect(head).toBe('0');
  });

  test('a server without the role of the pool: SCHEMA_DRIFT', async () => {
    const [error] = await failures({ role: 'holdfast_not_there' });
    expect(error).toMatchObject({ code: 'SCHEMA_DRIFT' });
    const pool = openPool({ url: database.url, role: 'holdfast_not_there' });
    await expect(assertSafeRole(pool)).rejects.toMatchObject({ code: 'SCHEMA_DRIFT' });
    await pool.end();
  });

  test('a read-only one, as a standby is: STORE_READ_ONLY for appends, and reads go on', async () => {
    await using standby = await freshDatabase();
    await migrate({ adminUrl: standby.url, schema: plainSchema });
    await createTenant(standby.url, 'acme');
    await standby.admin.query(`alter database ${standby.name} set default_transaction_read_only = on`);
    const [appended, head] = await failures({ url: standby.url });
    expect(appended).toMatchObject({ code: 'STORE_READ_ONLY', hint: expect.stringContaining('primary') as string });
    expect(head).toBe('0');
  });
});

describe('a log that somebody holds for too long', () => {
  test('the statement timeout: STATEMENT_TIMEOUT, nothing stored, and the same command goes through later', async () => {
    const pool = openPool({ url: database.url, statementTimeoutMs: 200 });
    try {
      expect(await whileHeld(() => append(pool, 'slow'))).toMatchObject({
        code: 'STATEMENT_TIMEOUT',
        message: expect.stringContaining('statement timeout') as string,
      });
      expect(await append(pool, 'slow')).toMatchObject({ replayed: false });
    } finally {
      await pool.end();
    }
  });

  test('the lock timeout of the server: STATEMENT_TIMEOUT with a hint at the lock', async () => {
    await database.admin.query(
      `do $$ begin execute format('alter database %I set lock_timeout = 100', current_database()); end $$`,
    );
    const pool = openPool({ url: database.url });
    try {
      expect(await whileHeld(() => append(pool, 'locked'))).toMatchObject({
        code: 'STATEMENT_TIMEOUT',
        hint: expect.stringContaining('lock') as string,
      });
    } finally {
      await pool.end();
      await database.admin.query(
        `do $$ begin execute format('alter database %I reset lock_timeout', current_database()); end $$`,
      );
    }
  });

  test('inside a caller’s transaction too', async () => {
    const pool = openPool({ url: database.url, statementTimeoutMs: 200 });
    const client = await pool.connect();
    try {
      const store = createEventStore<Noted>({ pool, schema: plainSchema });
      await client.query('begin');
      const appended = whileHeld(() => store.append('acme', note('tx', 'tx'), { transaction: client }));
      await expect(appended).rejects.toMatchObject({ code: 'STATEMENT_TIMEOUT' });
      await client.query('rollback');
    } finally {
      client.release();
      await pool.end();
    }
  });
});
