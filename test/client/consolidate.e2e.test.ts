import { expect, test, vi } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import type { FactRow } from '../../projections/semantic/queries.ts';
import { assertFacts } from '../support/assert-facts.ts';
import type { GivenFact } from '../support/assert-facts.ts';
import { collect } from '../eventstore/shapes.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

vi.setConfig({ testTimeout: 60_000 });

const database = withDatabase();
/** What the model answers consolidation with, by the name of the schema. */
const answers = new Map<string, string>();
const worker = withWorker(database, {
  agents: [defineAgent({ name: 'listener', instructions: 'You listen.' })],
  demoModel: {
    script: ({ body }) => {
      const format = (body as { response_format?: { json_schema?: { name?: string } } } | null)?.response_format;
      const text = answers.get(format?.json_schema?.name ?? '');
      return text === undefined ? undefined : { kind: 'reply', text };
    },
  },
});

const likes = (fact: string, value: string, text: string, change: Partial<GivenFact> = {}): GivenFact => ({
  ...{ fact, value, text },
  ...change,
});
/** Ten facts, two of which are said twice. */
const given = (user: string): GivenFact[] => [
  likes(`${user}-tea`, 'tea', 'The user likes tea.'),
  likes(`${user}-tea2`, 'tea', 'User likes the tea', { validFrom: '2026-04-01T00:00:00.000Z' }),
  likes(`${user}-jazz`, 'jazz', 'The user likes jazz.'),
  likes(`${user}-jazz2`, 'jazz', 'User likes jazz!', { validFrom: '2026-04-01T00:00:00.000Z' }),
  likes(`${user}-run`, 'running', 'The user likes running.'),
  likes(`${user}-sun`, 'sun', 'The user likes sun.'),
  likes(`${user}-sea`, 'sea', 'The user likes the sea.'),
  likes(`${user}-art`, 'art', 'The user likes art.'),
  likes(`${user}-dogs`, 'dogs', 'The user likes dogs.'),
  likes(`${user}-old`, 'old songs', 'The user likes old songs.', { expiresAt: '2026-05-01T00:00:00.000Z' }),
];

async function talk(user: string): Promise<void> {
  await worker.client.memory.remember(
    [
      { speaker: 'user', text: 'Please refund order A-1001. It was broken.', session: `${user}-session` },
      { speaker: 'assistant', text: 'I have refunded 49 euros.' },
      { speaker: 'user', text: 'Thanks, the parcel came by post.', session: `${user}-session` },
    ],
    { user },
    { idempotencyKey: `talk of ${user}`, session: `${user}-session`, occurredAt: new Date('2026-05-30T10:00:00Z') },
  );
}

/** Facts without the positions of their rows, which a restored fact has anew. */
async function facts(user: string, past = false): Promise<Omit<FactRow, 'position'>[]> {
  const rows = await worker.client.memory.list({ scope: { user }, past });
  return rows
    .map(({ position: _position, sources, ...row }) => ({
      ...row,
      sources: sources.toSorted((a, b) => (a.turn < b.turn ? -1 : 1)),
    }))
    .toSorted((a, b) => (a.fact < b.fact ? -1 : 1));
}

async function found(user: string, query: string): Promise<string[]> {
  const { items } = await worker.client.memory.search({ query, scope: { user }, askedAt: new Date('2026-04-15') });
  return items.map(({ id }) => id);
}

const by = { actor: 'user:ops' };

test('a run merges, derives, summarises and ends; its undo restores exactly what was', async () => {
  const user = 'ana';
  await assertFacts(database.store, { scope: { user }, facts: given(user) });
  await talk(user);
  answers.set(
    'memory_observations',
    JSON.stringify({
      observations: [
        { text: 'The user likes to be outside.', evidence: [3, 4, 5] },
        { text: 'The user likes Mozart.', evidence: [2, 6] },
        { text: 'The user likes art.', evidence: [6] },
      ],
    }),
  );
  answers.set('session_summary', JSON.stringify({ title: 'Refund of A-1001', summary: 'The user got 49 euros back.' }));
  const before = await facts(user);
  expect(await found(user, 'old songs')).toContain('ana-old');

  const row = await worker.client.memory.consolidate({ scope: { user }, run: 'first' });
  expect(row).toMatchObject({ run: 'first', outcome: 'done', reason: null, facts: 10, problems: [], undone: null });
  expect(row.counts).toEqual({ merged: 2, observed: 1, unproven: 0, expired: 1, summarised: 1, learnt: 0, proven: 0 });
  const after = await facts(user);
  expect(after.map(({ fact }) => fact).filter((id) => id.startsWith('ana'))).toEqual([
    'ana-art',
    'ana-dogs',
    'ana-jazz',
    'ana-run',
    'ana-sea',
    'ana-sun',
    'ana-tea',
  ]);
  expect(after.find(({ fact }) => fact === 'ana-tea')?.sources.map(({ turn }) => turn)).toEqual([
    'turn of ana-tea',
    'turn of ana-tea2',
  ]);
  const observation = after.find(({ kind }) => kind === 'observation');
  expect(observation).toMatchObject({ text: 'The user likes to be outside.', trust: 'model_inference' });
  expect(observation?.sources.map(({ turn }) => turn)).toEqual([
    'turn of ana-run',
    'turn of ana-sea',
    'turn of ana-sun',
  ]);
  expect(await found(user, 'outside')).toContain(observation?.fact);
  expect(await found(user, 'old songs')).not.toContain('ana-old');
  expect((await facts(user, true)).find(({ fact }) => fact === 'ana-tea2')).toMatchObject({ replacedBy: 'ana-tea' });
  expect(await worker.client.memory.sessions({ scope: { user } })).toMatchObject([
    { thread: 'ana-session', title: 'Refund of A-1001', rounds: 2, run: 'first' },
  ]);

  // The same name is the same run.
  const events = (await collect(database.store.readLog('default'))).length;
  expect(await worker.client.memory.consolidate({ scope: { user }, run: 'first' })).toEqual(row);
  expect((await collect(database.store.readLog('default'))).length).toBe(events);

  const undone = await worker.client.memory.undoConsolidation('first', by);
  expect(undone.undone).toEqual({
    actor: 'user:ops',
    restored: ['ana-jazz2', 'ana-tea2', 'ana-old'],
    withdrawn: [observation?.fact],
    left: [],
  });
  expect(await facts(user)).toEqual(before);
  expect(await worker.client.memory.sessions({ scope: { user } })).toEqual([]);
  expect(await found(user, 'old songs')).toContain('ana-old');
  expect(await found(user, 'outside')).not.toContain(observation?.fact);
  expect(await worker.client.memory.undoConsolidation('first', by)).toEqual(undone);

  // What was undone is not done again.
  const again = await worker.client.memory.consolidate({ scope: { user }, run: 'second' });
  expect(again.counts).toEqual({
    merged: 0,
    observed: 0,
    unproven: 0,
    expired: 0,
    summarised: 0,
    learnt: 0,
    proven: 0,
  });
  expect(await facts(user)).toEqual(before);
  expect((await worker.client.memory.consolidations({ user })).map(({ run }) => run)).toEqual(['second', 'first']);
});

test('a model that says what nobody said, or nothing to be read, costs nothing: the session’s own sentences stand', async () => {
  const user = 'bea';
  await talk(user);
  answers.set('session_summary', JSON.stringify({ title: 'Refund', summary: 'Carla got 99 euros back.' }));
  const first = await worker.client.memory.consolidate({ scope: { user }, run: 'bea-1' });
  expect(first.problems).toEqual(['SUMMARY_REFUSED']);
  const [session] = await worker.client.memory.sessions({ scope: { user } });
  expect(session).toMatchObject({ by: 'extract', title: 'Please refund order A-1001' });
  expect(session?.summary).toContain('49 euros');

  await worker.client.memory.remember(
    [{ speaker: 'user', text: 'One more thing: order B-7.', session: 'bea-session' }],
    { user },
    { idempotencyKey: 'more of bea', occurredAt: new Date('2026-05-31T10:00:00Z') },
  );
  answers.set('session_summary', 'no json at all');
  const second = await worker.client.memory.consolidate({ scope: { user }, run: 'bea-2' });
  expect(second).toMatchObject({ counts: { summarised: 1 }, problems: ['MODEL_BAD_REPLY'] });
  expect(await worker.client.memory.sessions({ scope: { user } })).toMatchObject([{ run: 'bea-2', rounds: 3 }]);
  // The summary before stands again.
  await worker.client.memory.undoConsolidation('bea-2', by);
  expect(await worker.client.memory.sessions({ scope: { user } })).toMatchObject([
    { run: 'bea-1', rounds: 2, summary: session?.summary },
  ]);
});

test('a guard stops a run before it does anything, and it says why', async () => {
  const user = 'cara';
  await assertFacts(database.store, { scope: { user }, facts: given(user).slice(0, 4) });
  const before = await facts(user);
  const row = await worker.client.memory.consolidate({ scope: { user } });
  expect(row).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('retire 2 of 4 facts') as string });
  expect(await facts(user)).toEqual(before);
});

test('two runs at once do each thing once', async () => {
  const user = 'dora';
  await assertFacts(database.store, { scope: { user }, facts: given(user) });
  const runs = await Promise.all(
    ['d1', 'd2', 'd3'].map((run) => worker.client.memory.consolidate({ scope: { user }, run })),
  );
  const sum = (name: 'merged' | 'expired'): number => runs.reduce((total, { counts }) => total + counts[name], 0);
  expect({ merged: sum('merged'), expired: sum('expired') }).toEqual({ merged: 2, expired: 1 });
  expect((await facts(user)).filter(({ kind }) => kind !== 'observation')).toHaveLength(7);
});

test('an undo leaves what has changed since, and says which', async () => {
  const user = 'eva';
  await assertFacts(database.store, { scope: { user }, facts: given(user) });
  await worker.client.memory.consolidate({ scope: { user }, run: 'e1' });
  // Learnt again since: the old songs. And the fact that tea2 went into is over.
  await assertFacts(database.store, {
    scope: { user },
    facts: [{ ...likes('eva-old-again', 'old songs', 'The user likes old songs.') }],
  });
  await database.store.append('default', {
    id: 'eva/over',
    streams: [{ name: 'memory/u=eva', expectedVersion: 'some' }],
    events: [
      {
        type: 'FactRetracted',
        stream: 'memory/u=eva',
        subjects: ['user:eva'],
        data: {
          ...{ fact: 'eva-tea', validTo: '2026-06-01T00:00:00.000Z', reason: 'no tea any more' },
          source: { thread: 't', branch: 'main', turn: 'later', quote: 'no tea any more' },
        },
      },
    ],
  });
  const { undone } = await worker.client.memory.undoConsolidation('e1', by);
  expect(undone?.restored).toEqual(['eva-jazz2', 'eva-old']);
  expect(undone?.left).toEqual([{ id: 'eva-tea2', why: 'the fact that it was merged into has ended since' }]);
});

test('requests that are none are refused by name', async () => {
  const { memory } = worker.client;
  await expect(memory.consolidate({ scope: {} })).rejects.toMatchObject({ code: 'INVALID_CONSOLIDATION' });
  await expect(memory.consolidate({ scope: { user: 'x' }, run: '' })).rejects.toMatchObject({
    code: 'INVALID_CONSOLIDATION',
  });
  await expect(memory.undoConsolidation('nobody-ran-this', by)).rejects.toMatchObject({
    code: 'CONSOLIDATION_NOT_FOUND',
  });
  await expect(memory.undoConsolidation('first', { actor: '' })).rejects.toMatchObject({
    code: 'INVALID_CONSOLIDATION',
  });
});
