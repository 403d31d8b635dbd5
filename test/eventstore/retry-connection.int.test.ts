import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { createEventStore, openPool, StoreUnavailableError, withTenant } from '../../eventstore/index.ts';
import type { Command } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import type { Noted } from './shapes.ts';
import { collect, note, plainStore, upTo, plainSchema } from './shapes.ts';
import { startProxy } from '../../chaos/swallowing-proxy.ts';

const database = withDatabase('plain');

/** Asks until the admin session sees rows. */
async function untilSeen(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  return vi.waitFor(
    async () => {
      const { rows } = await database.admin.query<Record<string, unknown>>(sql, values);
      expect(rows.length).toBeGreaterThan(0);
      return rows;
    },
    { timeout: 10_000, interval: 10 },
  );
}

describe('a backend that is terminated', () => {
  test('while its append waits for the head: sent again, stored exactly once', async () => {
    const store = plainStore(database);
    await store.head('acme');
    const holder = await database.admin.connect();
    try {
      await holder.query('begin');
      await holder.query(`select from log_head where tenant = (select no from tenant where id = 'acme') for update`);
      const appended = store.append('acme', note('terminated', 'terminated', 'none'));
      const [waiting] = await untilSeen(
        `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
           and application_name = 'holdfast test'`,
      );
      await database.admin.query('select pg_terminate_backend($1)', [waiting?.['pid']]);
      await holder.query('commit');
      await expect(appended).resolves.toMatchObject({ replayed: false });
    } finally {
      holder.release();
    }
    expect(await collect(store.readStream('acme', 'terminated'))).toHaveLength(1);
  });

  test('in the middle of a read: read again, and the process lives on', async () => {
    const store = plainStore(database);
    await store.append('acme', note('read/1', 'read'));
    const tenant = await store.tenantNumber('acme');
    let attempts = 0;
    const head = await withTenant(database.pool, tenant, async (client) => {
      attempts += 1;
      if (attempts <= 2) {
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        await database.admin.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
        // The first time the connection is used at once, the second time it dies while nobody asks anything of it.
        if (attempts === 2) await vi.waitFor(async () => expect(await alive(rows[0]?.pid)).toBe(false));
        if (attempts === 2) await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const { rows } = await client.query<{ position: number }>(
        'select position from holdfast.log_head where tenant = $1',
        [tenant],
      );
      return rows[0]?.position;
    });
    expect(attempts).toBe(3);
    expect(head).toBe(await store.head('acme'));
  });
});

async function alive(pid: number | undefined): Promise<boolean> {
  const { rows } = await database.admin.query('select from pg_stat_activity where pid = $1', [pid]);
  return rows.length > 0;
}

describe('a connection that breaks after the commit, before the answer', () => {
  test.each([1, 3])('ends in the one true receipt and one set of events, %i time(s) in a row', async (times) => {
    const proxy = await startProxy(database.url);
    const pool = openPool({ url: proxy.url, applicationName: 'holdfast proxied', maxConnections: 2 });
    try {
      const store = createEventStore<Noted>({ pool, schema: plainSchema });
      const id = `in-doubt/${times}`;
      const command: Command<Noted> = {
        ...note(id, id, 'none', { seal: true }),
        events: upTo(3).map((n) => ({ type: 'Noted', stream: id, data: { text: n } })),
      };
      await store.head('acme');
      let seen = proxy.swallowAnswersTo(id);
      const appended = store.append('acme', command);
      for (const _ of upTo(times)) {
        await seen;
        await untilSeen('select from command where id = $1', [id]);
        seen = _ < times ? proxy.swallowAnswersTo(id) : seen;
        proxy.cut();
      }
      const receipt = await appended;
      expect(receipt).toMatchObject({ replayed: true, bodyDiffers: false, result: { answer: id } });
      expect(receipt.lastPosition - receipt.firstPosition).toBe(2);
      const events = await collect(store.readLog('acme'));
      expect(events.filter(({ stream }) => stream === id).map(({ position }) => position)).toEqual(
        upTo(3).map((n) => receipt.firstPosition + n - 1),
      );
    } finally {
      await pool.end();
      await proxy.close();
    }
  });
});

describe('a server that is not there', () => {
  test.each(['127.0.0.1', 'localhost'])(
    'at %s: StoreUnavailableError with code, hint, cause and retryable, from every call',
    async (host) => {
      const pool = openPool({ url: `postgres://nobody@${host}:${await closedPort()}/none` });
      try {
        const store = createEventStore<Noted>({ pool, schema: plainSchema });
        const calls = [
          store.append('acme', note('x', 'x')),
          store.head('acme'),
          collect(store.readStream('acme', 'x')),
          withTenant(pool, 1, () => Promise.resolve(1)),
        ];
        for (const error of await Promise.all(calls.map((call) => call.then(String, (reason: unknown) => reason)))) {
          expect(error).toBeInstanceOf(StoreUnavailableError);
          expect(error).toMatchObject({
            code: 'STORE_UNAVAILABLE',
            retryable: true,
            hint: expect.stringContaining('DATABASE_URL') as string,
            message: expect.stringMatching(/did not answer in 6 attempts: .*ECONNREFUSED/) as string,
            cause: { code: 'ECONNREFUSED' },
          });
        }
      } finally {
        await pool.end();
      }
    },
  );

  test('fails appends that travel together all at once, not one after the other', async () => {
    const proxy = await startProxy(database.url);
    const pool = openPool({ url: proxy.url });
    try {
      const store = createEventStore<Noted>({ pool, schema: plainSchema });
      await store.head('acme');
      await proxy.close();
      const began = performance.now();
      const appends = await Promise.allSettled(upTo(10).map((n) => store.append('acme', note(`gone/${n}`, 'gone'))));
      for (const append of appends) expect(append).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE' } });
      // Two batches: the first command, and the nine that came meanwhile.
      expect(performance.now() - began).toBeLessThan(3 * 3_500);
    } finally {
      await pool.end();
    }
  });

  test('a failure that is no connection failure passes through at once, with one attempt', async () => {
    const store = plainStore(database);
    const tenant = await store.tenantNumber('acme');
    let attempts = 0;
    await expect(
      withTenant(database.pool, tenant, async (client) => {
        attempts += 1;
        await client.query('select 1 / 0');
      }),
    ).rejects.toThrow(/division by zero/);
    expect(attempts).toBe(1);
  });
});

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
