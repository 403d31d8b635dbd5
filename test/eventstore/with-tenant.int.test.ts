import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { expect, test } from 'vitest';
import { openPool, withTenant } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
/** Leaves a mark on whatever connection it runs on. */
const stray = `select set_config('test.stray', 'yes', false)`;

async function onOneConnection(use: (pool: pg.Pool, tenant: number) => Promise<void>): Promise<void> {
  const pool = openPool({ url: database.url, maxConnections: 1 });
  try {
    await use(pool, await database.store.tenantNumber('default'));
  } finally {
    await pool.end();
  }
}

/** The mark that the next borrower finds, a moment into its own transaction. */
async function markFound(pool: pg.Pool): Promise<string | null> {
  const next = await pool.connect();
  try {
    await next.query('begin');
    await delay(150);
    const { rows } = await next.query<{ mark: string | null }>(`select current_setting('test.stray', true) as mark`);
    await next.query('commit');
    return rows[0]?.mark ?? null;
  } finally {
    next.release();
  }
}

test('one of several parallel reads fails: what another one sends later is refused, and not run for the next borrower', () =>
  onOneConnection(async (pool, tenant) => {
    const late = Promise.withResolvers<unknown>();
    const read = withTenant(pool, tenant, (client) =>
      Promise.all([
        client.query('select 1 / 0'),
        delay(60).then(async () => late.resolve(await client.query(stray).catch((error: unknown) => error))),
      ]),
    );
    await expect(read).rejects.toThrow(/division by zero/);
    expect(await markFound(pool)).toBeNull();
    expect(await late.promise).toMatchObject({ code: 'READ_ENDED' });
  }));

test('a read that does not wait for all it began: the rest is refused', () =>
  onOneConnection(async (pool, tenant) => {
    const late = Promise.withResolvers<unknown>();
    await withTenant(pool, tenant, (client) => {
      void delay(60).then(async () => late.resolve(await client.query(stray).catch((error: unknown) => error)));
      return client.query('select 1');
    });
    expect(await markFound(pool)).toBeNull();
    expect(await late.promise).toMatchObject({ code: 'READ_ENDED' });
  }));
