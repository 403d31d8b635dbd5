import { beforeAll, describe, expect, test } from 'vitest';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';
import { readViews } from '../../projections/read-views.ts';
import { textHash } from '../../projections/search/projection.ts';
import { putVectors } from '../../projections/search/queries.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import type { RetrieveInput, Retrieved } from '../../projections/search/retrieve.ts';
import { listFacts } from '../../projections/semantic/queries.ts';
import { listApprovals, listTurns } from '../../projections/threads/queries.ts';
import { readBlocks, readMessages } from '../../projections/working/queries.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const embedder = createHashEmbedder();
const main = { branch: 'main' } as const;
const source = (turn: string) => ({ thread: 't', ...main, turn, quote: 'q' });
let sent = 0;

async function append(...events: readonly MemoryEvent[]): Promise<number> {
  sent += 1;
  const { lastPosition } = await database.store.append('acme', {
    id: `c${sent}`,
    streams: [{ name: 's', expectedVersion: 'any' }],
    events: events.map((event) => ({ ...event, stream: 's' })),
  });
  return lastPosition;
}

function fact(id: string, text: string, scope: Scope, validTo: string | null = null): MemoryEvent {
  return {
    type: 'FactAsserted',
    data: {
      fact: id,
      scope,
      kind: 'preference',
      subject: 'user',
      relation: 'likes',
      value: text,
      text,
      contentHash: id,
      confidence: 1,
      trust: 'direct_user',
      validFrom: '2026-01-01T00:00:00.000Z',
      validTo,
      replaces: null,
      disputedWith: null,
      source: source(`turn-${id}`),
    },
  };
}

async function read<T>(
  query: (reader: Parameters<Parameters<typeof readViews>[2]>[0]) => Promise<T>,
  at?: number,
): Promise<T> {
  return readViews(database.pool, await database.store.tenantNumber('acme'), query, { at });
}

async function find(query: string, scope: Scope, change: Partial<RetrieveInput> = {}): Promise<Retrieved> {
  const [values] = await embedder.embed([query], {});
  if (!values) throw new Error('One text gives one vector.');
  const vector = { model: embedder.model, values };
  return read((reader) => retrieve(reader, { scope, query, vector, now: new Date('2026-06-01'), ...change }));
}

const ids = ({ items }: Retrieved): string[] => items.filter(({ label }) => label !== null).map(({ id }) => id);

describe('retrieve', () => {
  const texts = {
    tea: 'Ana drinks green tea in the morning.',
    train: 'Ana takes the night train to Vienna.',
    bo: 'Bo drinks black tea.',
  };
  beforeAll(async () => {
    await append(fact('tea', texts.tea, { user: 'acme' }), fact('train', texts.train, { user: 'acme' }));
    await append(
      fact('bo', texts.bo, { user: 'acme-corp' }),
      fact('old', 'Ana drank green tea as a child.', { user: 'acme' }, '2026-02-01T00:00:00.000Z'),
    );
    const all = Object.values(texts);
    const vectors = await embedder.embed(all, {});
    await putVectors(
      database.pool,
      await database.store.tenantNumber('acme'),
      embedder.model,
      vectors.map((vector, index) => ({ vector, textHash: textHash(all[index] ?? '') })),
      { subjects: [], readAt: 0 },
    );
  });

  test('finds by words in other forms, and by meaning, and says which', async () => {
    const found = await find('who was drinking green teas', { user: 'acme' });
    expect(found.items[0]).toMatchObject({ id: 'tea', label: 'm1', rejected: null, text: texts.tea, turn: 'turn-tea' });
    expect(found.items[0]?.ranks).toMatchObject({ words: 1, vector: 1 });
    expect(found.items[0]?.reason).toMatch(/words #1/);
    expect(found.lines[0]).toMatch(/^\[m1\] preference · Ana drinks green tea.*turn turn-tea\)$/);
    expect(found.degraded).toEqual([]);
  });

  test('finds by meaning alone what shares no stem', async () => {
    const [values] = await embedder.embed([texts.train], {});
    const found = await find(
      'zzz',
      { user: 'acme' },
      { vector: { model: embedder.model, values: values ?? new Float32Array() } },
    );
    expect(found.channels).toMatchObject({ words: 0 });
    expect(found.items[0]).toMatchObject({ id: 'train', ranks: { vector: 1 } });
  });

  test('sees its own scope only: no common beginning, no wildcard, no ended fact', async () => {
    expect(ids(await find('tea', { user: 'acme' }))).toEqual(['tea']);
    expect(ids(await find('tea', { user: 'acme-corp' }))).toEqual(['bo']);
    for (const user of ['acm', 'acme%', '%', 'acme_corp', '']) expect(ids(await find('tea', { user }))).toEqual([]);
    expect(ids(await find('tea', {}))).toEqual([]);
  });

  test('leaves out what the turn itself said', async () => {
    expect(ids(await find('tea', { user: 'acme' }, { excludeTurns: ['turn-tea'] }))).not.toContain('tea');
  });

  test('says what it could not use', async () => {
    expect((await find('tea', { user: 'acme' }, { vector: null })).degraded).toEqual([
      'no query vector; searched by words only',
    ]);
    const other = { model: 'another', values: new Float32Array(256) };
    expect((await find('tea', { user: 'acme' }, { vector: other })).degraded).toEqual([
      '2 memories have no another vector yet; they were searched by words only',
    ]);
  });

  test('keeps to its budget and limit, and survives hostile queries', async () => {
    expect((await find('Ana', { user: 'acme' }, { budgetTokens: 1 })).lines).toEqual([]);
    expect(ids(await find('Ana', { user: 'acme' }, { limit: 1 }))).toHaveLength(1);
    for (const query of ['', "' | !& :* \\", '<->', '((', 'the of and'])
      await expect(find(query, { user: 'acme' })).resolves.toBeDefined();
  });
});

describe('queries', () => {
  const ref = (turn: string) => ({ thread: 'talk', ...main, turn });
  const request = (turn: string): MemoryEvent => ({
    type: 'TurnRequested',
    data: { ...ref(turn), agent: 'a', user: 'ana', message: `ask ${turn}`, occurredAt: '2026-01-01T00:00:00.000Z' },
  });
  const ask = (turn: string): MemoryEvent => ({
    type: 'ApprovalRequested',
    data: {
      ...ref(turn),
      approval: `${turn}.1.0`,
      step: 1,
      ordinal: 0,
      call: 'c',
      tool: 'pay',
      arguments: { eur: 5 },
      argumentsHash: 'h',
      argumentsSchema: {},
      reason: 'costs',
      deadline: '2026-01-02T00:00:00.000Z',
      onTimeout: 'reject',
    },
  });

  test('a turn runs, waits, runs again and ends; earlier positions say what was so then', async () => {
    const status = async (at?: number) =>
      (await read((reader) => listTurns(reader, { thread: 'talk' }), at)).map((turn) => turn.status);
    const requested = await append(request('one'));
    const asked = await append(ask('one'));
    expect(await status()).toEqual(['waiting']);
    expect((await read((reader) => listApprovals(reader, { pending: true }))).map(({ approval }) => approval)).toEqual([
      'one.1.0',
    ]);
    const decided = await append({
      type: 'ApprovalDecided',
      data: {
        ...ref('one'),
        approval: 'one.1.0',
        decision: 'approve',
        actor: 'bo',
        reason: null,
        arguments: null,
        message: null,
        timedOut: false,
      },
    });
    expect(await read((reader) => listApprovals(reader, { pending: true }))).toEqual([]);
    await append({ type: 'TurnCompleted', data: { ...ref('one'), steps: 1 } });
    await append(request('two'), ask('two'), { type: 'TurnFailed', data: { ...ref('two'), code: 'X', message: 'no' } });
    await append(request('three'), { type: 'TurnAborted', data: { ...ref('three'), actor: 'ops', reason: 'stop' } });
    expect(await status()).toEqual(['completed', 'failed', 'aborted']);
    expect([await status(requested), await status(asked), await status(decided)]).toEqual([
      ['running'],
      ['waiting'],
      ['running'],
    ]);
    expect(await read((reader) => listApprovals(reader, { pending: true }))).toEqual([]);
    expect(await read((reader) => listTurns(reader, { open: true, thread: 'talk' }))).toEqual([]);
  });

  test('messages are those of completed turns and of the current one', async () => {
    await append(request('four'));
    const said = await read((reader) => readMessages(reader, { thread: 'talk', branch: 'main', turn: 'four' }));
    expect(said.messages.map(({ content }) => content)).toEqual(['ask one', 'ask four']);
    expect(said.currentTurnStart).toBe(1);
    const ended = await read((reader) => readMessages(reader, { thread: 'talk', branch: 'main' }));
    expect(ended.messages.map(({ content }) => content)).toEqual(['ask one']);
  });

  test('of blocks with one label the narrowest scope wins', async () => {
    const block = (scope: Scope, value: string): MemoryEvent => ({
      type: 'BlockEdited',
      data: { scope, label: 'persona', description: 'd', value, limit: 9, actor: 'a', reason: 'r' },
    });
    await append(block({ user: 'ana', agent: 'x' }, 'own'), block({}, 'all'), block({ user: 'ana' }, 'ana'));
    const value = async (scope: Scope) => (await read((reader) => readBlocks(reader, scope))).map((row) => row.value);
    expect(await value({ user: 'ana', agent: 'x' })).toEqual(['own']);
    expect(await value({ user: 'ana' })).toEqual(['ana']);
    expect(await value({ user: 'an' })).toEqual(['all']);
  });

  test('facts: current ones, and with past ones how they ended', async () => {
    const reader = { user: 'lists' };
    await append(fact('a', 'A', reader), fact('b', 'B', reader), {
      type: 'FactConfirmed',
      data: { fact: 'b', source: source('again') },
    });
    const before = await append({
      type: 'FactSuperseded',
      data: { fact: 'a', by: 'b', validTo: '2026-03-01T00:00:00.000Z', source: source('x') },
    });
    const facts = (past: boolean, at?: number) => read((view) => listFacts(view, { reader, past }), at);
    expect((await facts(false)).map((row) => row.fact)).toEqual(['b']);
    expect((await facts(true)).map((row) => [row.fact, row.replacedBy, row.validTo?.toISOString()])).toEqual([
      ['a', 'b', '2026-03-01T00:00:00.000Z'],
      ['b', null, undefined],
    ]);
    expect((await facts(false, before - 1)).map((row) => row.fact)).toEqual(['a', 'b']);
    expect((await facts(false))[0]?.sources.map(({ turn }) => turn)).toEqual(['turn-b', 'again']);
  });
});
