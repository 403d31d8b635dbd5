import { describe, expect, test } from 'vitest';
import type { Command } from '../../eventstore/index.ts';
import { createEventStore, openPool, withTenant } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { checkLog } from './check-log.ts';
import type { Noted } from './shapes.ts';
import { note, noted, plainSchema, upTo } from './shapes.ts';
import type { SwallowingProxy } from '../../chaos/swallowing-proxy.ts';
import { startProxy } from '../../chaos/swallowing-proxy.ts';

const database = withDatabase('plain');
const sent: Command<Noted>[] = [];

/** A command whose request is longer than one packet, with its id somewhere inside. */
function longCommand(id: string): Command<Noted> {
  const command = {
    ...note(id, id, 'none'),
    events: upTo(3).map((n) => noted(id, `${n}`.repeat(100_000))),
  };
  sent.push(command);
  return command;
}

/** A store whose connections go through a proxy; statements are given up after 300 ms, connecting after 200. */
async function throughProxy<T>(
  use: (proxy: SwallowingProxy, store: ReturnType<typeof createEventStore<Noted>>) => Promise<T>,
): Promise<T> {
  const proxy = await startProxy(database.url);
  const pool = openPool({ url: proxy.url, maxConnections: 2, statementTimeoutMs: 300, connectionTimeoutMs: 200 });
  try {
    const store = createEventStore<Noted>({ pool, schema: plainSchema });
    await store.head('acme');
    return await use(proxy, store);
  } finally {
    proxy.cut();
    await pool.end();
    await proxy.close();
  }
}

describe('a connection cut in mid-message', () => {
  test('inside the request: the server drops the half, the repeat is stored, once', async () => {
    await throughProxy(async (proxy, store) => {
      const cut = proxy.cutRequestAt('half/request');
      const receipt = await store.append('acme', longCommand('half/request'));
      await cut;
      expect(receipt).toMatchObject({ replayed: false, lastPosition: receipt.firstPosition + 2 });
      await checkLog(database.admin, 'acme', { sent, receipts: [receipt] });
    });
  });

  test('inside the answer: the repeat gets the receipt of the first', async () => {
    await throughProxy(async (proxy, store) => {
      const cut = proxy.cutAnswerTo('half/answer');
      const receipt = await store.append('acme', longCommand('half/answer'));
      await cut;
      expect(receipt).toMatchObject({ replayed: true, bodyDiffers: false });
      await checkLog(database.admin, 'acme', { sent, receipts: [receipt] });
    });
  });

  test('inside a caller’s transaction: STORE_UNAVAILABLE after one attempt, and nothing of it is there', async () => {
    const proxy = await startProxy(database.url);
    const pool = openPool({ url: proxy.url, maxConnections: 2 });
    try {
      const store = createEventStore<Noted>({ pool, schema: plainSchema });
      await store.head('acme');
      const client = await pool.connect();
      client.on('error', () => undefined);
      await client.query('begin');
      await store.append('acme', longCommand('half/before'), { transaction: client });
      const cut = proxy.cutAnswerTo('half/transaction');
      const appended = store.append('acme', longCommand('half/transaction'), { transaction: client });
      await expect(appended).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        retryable: true,
        message: expect.stringContaining('in 1 attempt:') as string,
      });
      await cut;
      client.release(true);
      expect(await store.readCommand('acme', 'half/before')).toBeUndefined();
      expect(await store.readCommand('acme', 'half/transaction')).toBeUndefined();
      await checkLog(database.admin, 'acme', { sent, receipts: [] });
    } finally {
      proxy.cut();
      await pool.end();
      await proxy.close();
    }
  });
});

describe('a connection that carries nothing any more, without a word', () => {
  test('is given up; the append goes on over a new one and ends in one receipt', async () => {
    await throughProxy(async (proxy, store) => {
      proxy.freeze();
      const receipt = await store.append('acme', longCommand('frozen/append'));
      expect(receipt.lastPosition).toBe(receipt.firstPosition + 2);
      await checkLog(database.admin, 'acme', { sent, receipts: [receipt] });
    });
  });

  test('after the commit, before the answer: the repeat gets the receipt of the first', async () => {
    await throughProxy(async (proxy, store) => {
      const passed = proxy.swallowAnswersTo('frozen/answer');
      const appended = store.append('acme', longCommand('frozen/answer'));
      await passed;
      await expect(appended).resolves.toMatchObject({ replayed: true });
      await checkLog(database.admin, 'acme', { sent, receipts: [await appended] });
    });
  });

  test('is given up in the middle of a read, which runs again', async () => {
    await throughProxy(async (proxy, store) => {
      const tenant = await store.tenantNumber('acme');
      const pool = openPool({ url: proxy.url, maxConnections: 1, statementTimeoutMs: 300, connectionTimeoutMs: 200 });
      let attempts = 0;
      const answer = await withTenant(pool, tenant, async (client) => {
        attempts += 1;
        if (attempts === 1) proxy.freeze();
        return (await client.query<{ n: number }>('select 1 as n')).rows;
      });
      expect([attempts, answer]).toEqual([2, [{ n: 1 }]]);
      await pool.end();
    });
  });

  test('and neither do new ones: STORE_UNAVAILABLE, in bounded time', async () => {
    await throughProxy(async (proxy, store) => {
      proxy.freeze({ newOnes: true });
      const began = performance.now();
      const error: unknown = await store.append('acme', longCommand('frozen/all')).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      // One statement given up after 0.3 s and 5 s of grace, five attempts to connect, and the pauses between them.
      expect(performance.now() - began).toBeLessThan(20_000);
      proxy.cut();
      const receipt = await store.append('acme', longCommand('frozen/all'));
      await checkLog(database.admin, 'acme', { sent, receipts: [receipt] });
    });
  });
});
