import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConsumerState } from '../../../eventstore/index.ts';
import {
  createEventStore,
  createTenant,
  createWakeUp,
  decideParked,
  InvalidConsumerError,
  listConsumers,
  ParkedEventNotFoundError,
  runConsumer,
} from '../../../eventstore/index.ts';
import { HoldfastError } from '../../../errors/holdfast-error.ts';
import { until } from '../../support/until.ts';
import { withDatabase } from '../../support/with-database.ts';
import { outputOf, outputs, outputTable, startConsumer, writeOutput } from './consumer-shapes.ts';
import { note, plainSchema, plainStore, upTo } from '../shapes.ts';

const database = withDatabase('plain');
beforeAll(() => database.admin.query(outputTable));

/** Tenants of a test of their own, with `events` events each. */
async function tenants(mark: string, count: number, events: number): Promise<{ id: string; no: number }[]> {
  const store = plainStore(database);
  return Promise.all(
    upTo(count).map(async (n) => {
      const id = `${mark}-${n}`;
      const no = await createTenant(database.url, id);
      for (const event of upTo(events)) await store.append(id, note(`${id}/${event}`, `s${event % 3}`));
      return { id, no };
    }),
  );
}

async function stateOf(consumer: string, tenant: string): Promise<ConsumerState | undefined> {
  const states = await listConsumers({ adminUrl: database.url, consumer });
  return states.find((state) => state.tenant === tenant);
}

/** Positions that were written for a tenant, in order of writing. */
function positionsOf(rows: readonly { tenant: number; position: number }[], no: number): number[] {
  return rows.filter(({ tenant }) => tenant === no).map(({ position }) => position);
}

// Consumers follow every log of the database: what one test leaves would be work for the next.
afterEach(() => database.admin.query('truncate consumer_position, parked_event, consumer'));

describe('consumers of one name', () => {
  test('share the logs; each log is handled once, in order, by several at the same time', async () => {
    const logs = await tenants('share', 6, 40);
    const seen = new Map<string, Set<string>>();
    const run = (by: string) =>
      startConsumer(database, {
        name: 'share',
        batchSize: 3,
        concurrency: 2,
        types: ['Noted'],
        handle: (batch) => {
          seen.set(batch.tenant, (seen.get(batch.tenant) ?? new Set()).add(by));
          return Promise.resolve(writeOutput('share', batch, by));
        },
      });
    await using _one = run('one');
    await using _two = run('two');
    const rows = await outputs(database, 'share', 240);
    for (const { no } of logs) expect(positionsOf(rows, no)).toEqual(upTo(40));
    expect(new Set(rows.map(({ by }) => by))).toEqual(new Set(['one', 'two']));
    // What comes later is found by looking, without any wake-up.
    await plainStore(database).append('share-2', note('later', 's'));
    expect(await outputs(database, 'share', 241)).toHaveLength(241);
  });

  test('go on where they were, and one of another name begins at the beginning or at the head', async () => {
    const [log] = await tenants('again', 1, 5);
    if (!log) throw new Error('There is a tenant.');
    await startConsumer(database, { name: 'again' }).stop();
    {
      await using _ = startConsumer(database, { name: 'again' });
      await until('it is there', async () => ((await stateOf('again', log.id))?.lag === 0 ? true : undefined));
    }
    await plainStore(database).append(log.id, note('sixth', 's'));
    {
      await using _again = startConsumer(database, { name: 'again' });
      await using _head = startConsumer(database, { name: 'at-head', startAt: 'head' });
      await until('both are there', async () => {
        const states = [await stateOf('again', log.id), await stateOf('at-head', log.id)];
        return states.every((state) => state?.lag === 0) ? true : undefined;
      });
      const [young] = await tenants('young', 1, 2);
      await until('also in the log that is new', async () =>
        (await stateOf('at-head', young?.id ?? ''))?.lag === 0 ? true : undefined,
      );
      expect(positionsOf(await outputOf(database, 'at-head'), young?.no ?? 0)).toEqual([1, 2]);
    }
    expect(positionsOf(await outputOf(database, 'again'), log.no)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(positionsOf(await outputOf(database, 'at-head'), log.no)).toEqual([]);
  });

  test('see only the events of their types, and pass over the others', async () => {
    const [log] = await tenants('types', 1, 5);
    if (!log) throw new Error('There is a tenant.');
    let handled = 0;
    await using _ = startConsumer(database, {
      name: 'types',
      types: ['Other' as 'Noted'],
      handle: () => ((handled += 1), Promise.resolve(undefined)),
    });
    await until('it has passed over them', async () =>
      (await stateOf('types', log.id))?.position === 5 ? true : undefined,
    );
    expect(handled).toBe(0);
  });
});

describe('a handler', () => {
  test('writes as its tenant: rows of another are refused, and its place stays where it was', async () => {
    const [mine, other] = await tenants('own', 2, 1);
    if (!mine || !other) throw new Error('There are tenants.');
    await using _ = startConsumer(database, {
      name: 'own',
      maxAttempts: 2,
      handle: (batch) =>
        Promise.resolve(writeOutput('own', batch.tenant === mine.id ? { ...batch, tenantNumber: other.no } : batch)),
    });
    const state = await until('it is stopped', async () => {
      const found = await stateOf('own', mine.id);
      return found?.state === 'stopped' ? found : undefined;
    });
    expect(state).toMatchObject({ position: 0, lag: 1, parked: [{ position: 1, state: 'parked', attempts: 2 }] });
    expect(state.lastError).toMatch(/row-level security/);
  });

  test('that leaves its tenant or swallows an error of its transaction commits nothing', async () => {
    const [left, failed] = await tenants('bad', 2, 1);
    await using _ = startConsumer(database, {
      name: 'bad',
      maxAttempts: 1,
      handle: (batch) =>
        Promise.resolve(async (client) => {
          await writeOutput('bad', batch)(client);
          if (batch.tenant === left?.id)
            await client.query(`select set_config('holdfast.tenant', '${failed?.no ?? 0}', true)`);
          else await client.query('select 1 / 0').catch(() => undefined);
        }),
    });
    const errors = await until('both are stopped', async () => {
      const states = await Promise.all([left, failed].map((log) => stateOf('bad', log?.id ?? '')));
      return states.every((state) => state?.state === 'stopped') ? states.map((state) => state?.lastError) : undefined;
    });
    expect(errors[0]).toMatch(/has left its tenant/);
    expect(errors[1]).toMatch(/current transaction is aborted/);
    const own = (await outputOf(database, 'bad')).filter(({ tenant }) => tenant === left?.no || tenant === failed?.no);
    expect(own).toEqual([]);
  });

  test('is told to stop, and what it had not done is not counted as a failure', async () => {
    const [log] = await tenants('stop', 1, 3);
    const started = Promise.withResolvers<null>();
    const consumer = startConsumer(database, {
      name: 'stop',
      handle: ({ signal, tenant }) =>
        tenant === log?.id
          ? new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(new Error('told to stop')));
              started.resolve(null);
            })
          : Promise.resolve(undefined),
    });
    await started.promise;
    expect(await stateOf('stop', log?.id ?? '')).toMatchObject({
      state: 'leased',
      leaseOwner: expect.any(String) as string,
    });
    await consumer.stop();
    expect(await stateOf('stop', log?.id ?? '')).toMatchObject({ state: 'idle', attempts: 0, lag: 3 });
  });
});

describe('an event that cannot be handled', () => {
  /** A consumer that fails at the events of a tenant that are in `poison`. */
  function failing(
    name: string,
    tenant: string | undefined,
    poison: Set<number>,
    options: { onParked?: 'stop' | 'continue' } = {},
  ) {
    const calls: number[][] = [];
    const consumer = startConsumer(database, {
      name,
      maxAttempts: 3,
      ...options,
      handle: (batch) => {
        if (batch.tenant === tenant) {
          calls.push(batch.events.map(({ position }) => position));
          if (batch.events.some(({ position }) => poison.has(position))) throw new Error(`poison in ${tenant}`);
        }
        return Promise.resolve(writeOutput(name, batch));
      },
    });
    return { consumer, calls };
  }

  test('is found in its batch, tried again with pauses, parked; the log waits for a decision', async () => {
    const [log, other] = await tenants('poison', 2, 6);
    if (!log || !other) throw new Error('There are tenants.');
    const poison = new Set([4]);
    const { consumer, calls } = failing('poison', log.id, poison);
    await using _ = consumer;
    const stopped = await until('it is stopped', async () => {
      const state = await stateOf('poison', log.id);
      return state?.state === 'stopped' ? state : undefined;
    });
    expect(calls).toEqual([[1, 2, 3, 4, 5, 6], [1], [2], [3], [4], [4], [4]]);
    expect(stopped).toMatchObject({
      position: 3,
      lag: 3,
      lastError: 'poison in poison-1',
      parked: [{ position: 4, state: 'parked', attempts: 3, error: 'poison in poison-1', decisions: [] }],
    });
    expect(positionsOf(await outputOf(database, 'poison'), log.no)).toEqual([1, 2, 3]);
    // Another log is none the wiser.
    expect(positionsOf(await outputOf(database, 'poison'), other.no)).toEqual(upTo(6));

    const decide = (action: 'retry' | 'skip', position = 4) =>
      decideParked({
        ...{ adminUrl: database.url, consumer: 'poison', tenant: log.id, position, action },
        actor: 'ana',
        reason: `to ${action}`,
      });
    await expect(decide('skip', 3)).rejects.toThrow(ParkedEventNotFoundError);
    await decide('retry');
    await until('it has failed again', async () => {
      const state = await stateOf('poison', log.id);
      return state?.parked[0]?.attempts === 6 && state.state === 'stopped' ? true : undefined;
    });
    poison.clear();
    await decide('retry');
    await until('it is through', async () => ((await stateOf('poison', log.id))?.lag === 0 ? true : undefined));
    expect(positionsOf(await outputOf(database, 'poison'), log.no)).toEqual(upTo(6));
    expect((await stateOf('poison', log.id))?.parked).toMatchObject([
      { state: 'handled', decisions: [{ action: 'retry', actor: 'ana', reason: 'to retry' }, { action: 'retry' }] },
    ]);
    await expect(decide('skip')).rejects.toThrow(ParkedEventNotFoundError);
  });

  test('is skipped when a person says so', async () => {
    const [log] = await tenants('skip', 1, 4);
    if (!log) throw new Error('There is a tenant.');
    await using _ = failing('skip', log.id, new Set([2])).consumer;
    await until('it is stopped', async () => ((await stateOf('skip', log.id))?.state === 'stopped' ? true : undefined));
    await decideParked({
      ...{ adminUrl: database.url, consumer: 'skip', tenant: log.id, position: 2, action: 'skip' },
      actor: 'bo',
      reason: 'a test',
    });
    await until('it is through', async () => ((await stateOf('skip', log.id))?.lag === 0 ? true : undefined));
    expect(positionsOf(await outputOf(database, 'skip'), log.no)).toEqual([1, 3, 4]);
    expect((await stateOf('skip', log.id))?.parked).toMatchObject([
      { position: 2, state: 'skipped', decisions: [{ action: 'skip', actor: 'bo', reason: 'a test' }] },
    ]);
  });

  test('is left behind where the consumer goes on, and handled later when it is retried', async () => {
    const [log] = await tenants('goon', 1, 5);
    if (!log) throw new Error('There is a tenant.');
    const poison = new Set([2, 3]);
    await using _ = failing('goon', log.id, poison, { onParked: 'continue' }).consumer;
    await until('it is through', async () => ((await stateOf('goon', log.id))?.lag === 0 ? true : undefined));
    expect(positionsOf(await outputOf(database, 'goon'), log.no)).toEqual([1, 4, 5]);
    expect(await stateOf('goon', log.id)).toMatchObject({
      state: 'idle',
      parked: [
        { position: 2, state: 'parked' },
        { position: 3, state: 'parked' },
      ],
    });
    const retry = (position: number) =>
      decideParked({
        ...{ adminUrl: database.url, consumer: 'goon', tenant: log.id, position, action: 'retry' },
        actor: 'ana',
        reason: 'mended',
      });
    poison.delete(3);
    await retry(2);
    await retry(3);
    await until('both were tried', async () => {
      const [two, three] = (await stateOf('goon', log.id))?.parked ?? [];
      return two?.state === 'parked' && three?.state === 'handled' ? true : undefined;
    });
    expect(positionsOf(await outputOf(database, 'goon'), log.no)).toEqual([1, 4, 5, 3]);
    expect((await stateOf('goon', log.id))?.position).toBe(5);
  });

  test('for a reason that passes is never parked', async () => {
    const [log] = await tenants('passes', 1, 1);
    if (!log) throw new Error('There is a tenant.');
    let calls = 0;
    await using _ = startConsumer(database, {
      name: 'passes',
      maxAttempts: 2,
      backoffMs: 1,
      handle: (batch) => {
        if (batch.tenant !== log.id) return Promise.resolve(undefined);
        calls += 1;
        if (calls < 6) throw new HoldfastError('BUSY', 'the model is busy', { retryable: true });
        expect(batch.failures).toBe(5);
        return Promise.resolve(writeOutput('passes', batch));
      },
    });
    await until('it is through', async () => ((await stateOf('passes', log.id))?.lag === 0 ? true : undefined));
    expect(await stateOf('passes', log.id)).toMatchObject({ attempts: 0, lastError: null, parked: [] });
  });
});

describe('a wake-up', () => {
  /** Asks the server what it was sent; only a connection of its own hears it. */
  async function hearing(): Promise<{ heard: number[]; [Symbol.asyncDispose](): Promise<void> }> {
    const client = await database.admin.connect();
    const heard: number[] = [];
    client.on('notification', () => heard.push(performance.now()));
    await client.query('listen holdfast_appended');
    return {
      heard,
      [Symbol.asyncDispose]: () => {
        client.release(true);
        return Promise.resolve();
      },
    };
  }

  test('is sent after the commit, not for a replay, not before a commit of the caller, and not for every append', async () => {
    const [log] = await tenants('wake', 1, 0);
    if (!log) throw new Error('There is a tenant.');
    const wakeUp = createWakeUp({ pool: database.pool, intervalMs: 200 });
    const store = createEventStore({ pool: database.pool, schema: plainSchema, wakeUp });
    await using ear = await hearing();
    const client = await database.pool.connect();
    try {
      await client.query('begin');
      await store.append(log.id, note('held', 's'), { transaction: client });
      // Whoever sends the notification sends it on a connection of its own, and when it arrives, the event can be read.
      await client.query('commit');
      expect(ear.heard).toEqual([]);
    } finally {
      client.release();
    }
    await store.append(log.id, note('one', 's'));
    await until('one is heard', () => (ear.heard.length === 1 ? true : undefined));
    expect(await store.append(log.id, note('one', 's'))).toMatchObject({ replayed: true });
    for (const n of upTo(20)) await store.append(log.id, note(`many/${n}`, 's'));
    await until('the rest is heard', () => (ear.heard.length === 2 ? true : undefined));
    expect((ear.heard[1] ?? 0) - (ear.heard[0] ?? 0)).toBeGreaterThan(150);
    await wakeUp.close();
    await expect(store.append(log.id, note('closed', 's'))).resolves.toMatchObject({ replayed: false });
  });

  test('from another process shortens the wait; a lost one costs only the wait', async () => {
    const [log] = await tenants('lost', 1, 1);
    if (!log) throw new Error('There is a tenant.');
    const mine = createWakeUp({ pool: database.pool });
    const other = createWakeUp({ pool: database.pool });
    try {
      await using _ = startConsumer(database, { name: 'lost', pollMs: 3_000, wakeUp: mine });
      const done = (position: number) =>
        until('it is handled', async () => ((await stateOf('lost', log.id))?.position === position ? true : undefined));
      await done(1);
      await until('it listens and has grown tired', async () => {
        const { rowCount } = await database.admin.query(
          `select from pg_stat_activity where query = 'listen holdfast_appended'`,
        );
        return rowCount === 0 ? undefined : true;
      });
      // Long enough for the pauses to have grown: only a wake-up can be quick now.
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const store = createEventStore({ pool: database.pool, schema: plainSchema, wakeUp: other });
      const began = performance.now();
      await store.append(log.id, note('told', 's'));
      await done(2);
      expect(performance.now() - began).toBeLessThan(1_500);
      // Nobody tells.
      await plainStore(database).append(log.id, note('untold', 's'));
      await done(3);
    } finally {
      await mine.close();
      await other.close();
    }
  });
});

test('a consumer that makes no sense is refused', async () => {
  const base = { pool: database.pool, schema: plainSchema, handle: () => Promise.resolve(undefined) };
  const signal = AbortSignal.abort();
  await expect(runConsumer({ ...base, name: '', signal })).rejects.toThrow(InvalidConsumerError);
  await expect(runConsumer({ ...base, name: 'x', batchSize: 0, signal })).rejects.toThrow(/batchSize is 0; expected/);
  await expect(runConsumer({ ...base, name: 'x', leaseMs: 1, signal })).rejects.toMatchObject({
    code: 'INVALID_CONSUMER',
  });
  await expect(runConsumer({ ...base, name: 'x', signal })).resolves.toBeUndefined();
});
