import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Command, EventStore, ExpectedVersion, Receipt } from '../../eventstore/index.ts';
import { openPool } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import type { Observation } from './linearize.ts';
import { findOrder } from './linearize.ts';
import type { Outcome } from './model-log.ts';
import { ModelLog, outcomeOf } from './model-log.ts';
import type { Noted } from './shapes.ts';
import { collect, note, plainStore } from './shapes.ts';

const database = withDatabase('plain');
/** Two clients share a store, whose appends travel together; the third has its own. */
const clients: { pool: pg.Pool; store: EventStore<Noted> }[] = [];

beforeAll(() => {
  const open = () => openPool({ url: database.url, maxConnections: 4 });
  const [shared, own] = [open(), open()];
  const store = plainStore({ pool: shared });
  clients.push({ pool: shared, store }, { pool: shared, store }, { pool: own, store: plainStore({ pool: own }) });
});
afterAll(() => Promise.all([...new Set(clients.map(({ pool }) => pool))].map((pool) => pool.end())));

type Action =
  | { readonly kind: 'append'; readonly command: Command<Noted> }
  | { readonly kind: 'transaction'; readonly command: Command<Noted>; readonly commits: boolean }
  | { readonly kind: 'read'; readonly stream: string }
  | { readonly kind: 'log' };

const streams = ['a', 'b'];
const command = fc
  .record({
    id: fc.integer({ min: 1, max: 6 }).map(String),
    stream: fc.constantFrom(...streams),
    expectedVersion: fc.oneof(
      fc.constantFrom<ExpectedVersion>('any', 'any', 'none', 'some'),
      fc.integer({ min: 0, max: 2 }),
    ),
    text: fc.nat(1),
    seal: fc.nat(9).map((n) => n === 0),
  })
  .map(({ id, stream, expectedVersion, ...rest }) => note(id, stream, expectedVersion, rest));
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append' as const), command }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('transaction' as const), command, commits: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), stream: fc.constantFrom(...streams) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'log' as const }) },
);
const plans = fc.array(fc.array(action, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 3 });

/** What one run looks like from outside. */
interface Run {
  readonly prefix: string;
  readonly base: number;
  readonly observations: Observation[];
  clock: number;
}

/** Does one thing as a client. `turn` waits until the scheduler lets this client go on. */
async function perform(run: Run, client: number, one: Action, turn: () => Promise<unknown>): Promise<void> {
  const { pool, store } =
    clients[client] ??
    (() => {
      throw new Error('There are three clients.');
    })();
  const bare = (name: string): string => name.slice(run.prefix.length);
  const own = (name: string): string => run.prefix + name;
  await turn();
  const invoked = run.clock++;
  const observe = (name: string, answer: unknown, apply: (model: ModelLog) => unknown): void => {
    run.observations.push({ name: `${client}: ${name}`, invoked, returned: run.clock++, answer, apply });
  };
  const appended = (sent: Command<Noted>, transaction?: pg.ClientBase): Promise<Outcome> => {
    const real: Command<Noted> = {
      ...sent,
      id: own(sent.id),
      streams: sent.streams.map((stream) => ({ ...stream, name: own(stream.name) })),
      events: sent.events.map((event) => ({ ...event, stream: own(event.stream) })),
    };
    const receipt: Promise<Receipt> = store.append('acme', real, transaction ? { transaction } : {});
    return outcomeOf(receipt, { base: run.base, bare });
  };
  switch (one.kind) {
    case 'append': {
      const answer = await appended(one.command);
      observe(`append ${one.command.id} ${answer.kind}`, answer, (model) => model.append(one.command));
      return;
    }
    case 'transaction': {
      const session = await pool.connect();
      try {
        await session.query('begin');
        const answer = await appended(one.command, session);
        // Others go on meanwhile; those who want the log wait for us.
        await turn();
        await session.query(one.commits ? 'commit' : 'rollback');
        const effect = one.commits || answer.kind !== 'accepted';
        if (effect)
          observe(`transaction ${one.command.id} ${answer.kind}`, answer, (model) => model.append(one.command));
      } finally {
        session.release();
      }
      return;
    }
    case 'read': {
      const events = await collect(store.readStream('acme', own(one.stream)));
      observe(
        `read ${one.stream}`,
        events.map(({ data }) => data.text),
        (model) => model.readStream(one.stream),
      );
      return;
    }
    case 'log': {
      const log = await collect(store.readLog('acme', { after: run.base }));
      observe(
        'log',
        log.map(({ stream, data }) => [bare(stream), data.text]),
        (model) => model.log.map(({ stream, text }) => [stream, text]),
      );
    }
  }
}

test(
  'whatever two or three clients do at once, one log that does one thing at a time would have answered so',
  { timeout: 240_000 },
  async () => {
    const seen = { accepted: 0, replayed: 0, conflict: 0, sealed: 0, read: 0, log: 0, transaction: 0, overlapping: 0 };
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plans, async (scheduler, planned) => {
        runs += 1;
        const store = clients[2]?.store ?? plainStore(database);
        const run: Run = { prefix: `${runs}:`, base: await store.head('acme'), observations: [], clock: 0 };
        const finished = planned.map(async (actions, client) => {
          const turn = (): Promise<unknown> => scheduler.schedule(Promise.resolve(), `client ${client}`);
          for (const one of actions) await perform(run, client, one, turn);
        });
        await scheduler.waitFor(Promise.all(finished));
        const order = findOrder(run.observations, new ModelLog());
        expect(order, JSON.stringify(run.observations, undefined, 1)).not.toBeNull();
        for (const { name } of run.observations) {
          for (const kind of Object.keys(seen) as (keyof typeof seen)[]) if (name.includes(kind)) seen[kind] += 1;
        }
        seen.overlapping += run.observations.filter(({ invoked, returned }) => returned > invoked + 1).length;
        // And that is what the log holds in the end.
        const model = new ModelLog();
        for (const one of order ?? []) one.apply(model);
        const log = await collect(store.readLog('acme', { after: run.base }));
        expect(log.map(({ version, data }) => [version, data.text])).toEqual(
          model.log.map(({ version, text }) => [version, text]),
        );
      }),
      { numRuns: 120 },
    );
    // The property says nothing when one of these never happens.
    for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(5);
  },
);
