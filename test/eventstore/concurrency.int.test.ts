import { describe, expect, test } from 'vitest';
import type { EventStore } from '../../eventstore/index.ts';
import { ExpectedVersionConflictError } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import type { Noted } from './shapes.ts';
import { collect, note, noted, plainStore, upTo } from './shapes.ts';

const database = withDatabase('plain');
const clients = 8;
const each = 40;

/** Clients of one store share its queue and travel together; clients of several meet at the log's lock. */
const arrangements = [
  ['one', 'of one store', (): EventStore<Noted>[] => Array<EventStore<Noted>>(clients).fill(plainStore(database))],
  ['own', 'of a store each', (): EventStore<Noted>[] => upTo(clients).map(() => plainStore(database))],
] as const;

describe.each(arrangements)('eight clients that append at once, %s: %s', (kind, _name, open) => {
  test('with any version: positions dense, nothing lost, nothing twice', async () => {
    const stores = open();
    const store = plainStore(database);
    const before = await store.head('acme');
    const receipts = await Promise.all(
      stores.map(async (store, index) => {
        const client = index + 1;
        const own = [];
        for (const n of upTo(each))
          own.push(await store.append('acme', note(`${kind}/any/${client}/${n}`, `${kind}/any`)));
        return own;
      }),
    );
    const positions = receipts.flat().map(({ firstPosition }) => firstPosition);
    expect(positions.sort((a, b) => a - b)).toEqual(upTo(clients * each).map((n) => before + n));
    const log = await collect(store.readLog('acme', { after: before }));
    expect(new Set(log.map(({ data }) => data.text)).size).toBe(clients * each);
    expect(log.map(({ version }) => version)).toEqual(upTo(clients * each));
    // Each client's own order is kept.
    for (const client of upTo(clients)) {
      const own = log.map(({ data }) => String(data.text)).filter((text) => text.startsWith(`${kind}/any/${client}/`));
      expect(own).toEqual(upTo(each).map((n) => `${kind}/any/${client}/${n}`));
    }
  });

  test('with exact versions: every increment is decided once', async () => {
    const stores = open();
    const store = plainStore(database);
    let conflicts = 0;
    await Promise.all(
      stores.map(async (store, index) => {
        const client = index + 1;
        let version = 0;
        for (const n of upTo(each)) {
          for (;;) {
            try {
              await store.append('default', note(`${kind}/exact/${client}/${n}`, `${kind}/exact`, version));
              version += 1;
              break;
            } catch (error) {
              if (!(error instanceof ExpectedVersionConflictError)) throw error;
              conflicts += 1;
              expect(error.actual).not.toBe(version);
              version = error.actual;
            }
          }
        }
      }),
    );
    const events = await collect(store.readStream('default', `${kind}/exact`));
    expect(events.map(({ version }) => version)).toEqual(upTo(clients * each));
    expect(new Set(events.map(({ data }) => data.text)).size).toBe(clients * each);
    expect(conflicts).toBeGreaterThan(0);
  });

  test('the same command: one is accepted, the others get its receipt', async () => {
    const stores = open();
    const store = plainStore(database);
    for (const n of upTo(10)) {
      const receipts = await Promise.all(
        stores.map((store) => store.append('acme', note(`${kind}/same/${n}`, `${kind}/same/${n}`, 'none'))),
      );
      expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(receipts.map(({ firstPosition }) => firstPosition)).size).toBe(1);
      expect(await collect(store.readStream('acme', `${kind}/same/${n}`))).toHaveLength(1);
    }
  });

  test('new streams and many streams per command: stream numbers never clash', async () => {
    const stores = open();
    const store = plainStore(database);
    await Promise.all(
      stores.flatMap((store, client) =>
        upTo(5).map((n) => {
          const names = [`${kind}/new/${client}/${n}`, `${kind}/new/shared/${n}`];
          return store.append('acme', {
            id: `${kind}/new/${client}/${n}`,
            streams: names.map((name) => ({ name, expectedVersion: 'any' as const })),
            events: names.map((name) => noted(name)),
          });
        }),
      ),
    );
    for (const n of upTo(5))
      expect(await collect(store.readStream('acme', `${kind}/new/shared/${n}`))).toHaveLength(clients);
  });
});

describe('a reader while others append', () => {
  test('that sees n has seen everything up to n', async () => {
    const store = plainStore(database);
    let appending = true;
    const writers = Promise.all(
      upTo(4).map(async (client) => {
        for (const n of upTo(40)) await store.append('acme', note(`watched/${client}/${n}`, 'watched'));
      }),
    ).then(() => (appending = false));
    let rounds = 0;
    while (appending) {
      // readLog throws LogNotDenseError at the first hole.
      const head = await store.head('acme');
      const seen = await collect(store.readLog('acme', { upTo: head, pageSize: 50 }));
      expect(seen.length).toBe(head);
      rounds += 1;
    }
    await writers;
    expect(rounds).toBeGreaterThan(1);
  });
});

describe('two tenants', () => {
  test('do not wait for each other: one log’s head is locked, the other takes appends', async () => {
    const store = plainStore(database);
    const holder = await database.admin.connect();
    try {
      await holder.query('begin');
      await holder.query(`select from log_head where tenant = (select no from tenant where id = 'acme') for update`);
      const order: string[] = [];
      const blocked = store.append('acme', note('blocked', 'blocked')).then(() => order.push('acme'));
      for (const n of upTo(5)) await store.append('default', note(`free/${n}`, 'free'));
      order.push('default');
      await holder.query('commit');
      await blocked;
      expect(order).toEqual(['default', 'acme']);
    } finally {
      holder.release();
    }
  });

  test('a replay does not wait for the head', async () => {
    const store = plainStore(database);
    await store.append('acme', note('lockless', 'lockless'));
    const holder = await database.admin.connect();
    try {
      await holder.query('begin');
      await holder.query(`select from log_head where tenant = (select no from tenant where id = 'acme') for update`);
      await expect(store.append('acme', note('lockless', 'lockless'))).resolves.toMatchObject({ replayed: true });
      await holder.query('commit');
    } finally {
      holder.release();
    }
  });
});
