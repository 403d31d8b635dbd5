import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { InvalidCommandError } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { withDatabase } from '../support/with-database.ts';
import { collect } from './shapes.ts';

const database = withDatabase();
const count = { turns: 0 };

type Data<T extends MemoryEvent['type']> = Extract<MemoryEvent, { type: T }>['data'];

function refs(): { thread: string; branch: string; turn: string } {
  count.turns += 1;
  return { thread: 't', branch: 'main', turn: `turn ${count.turns}` };
}

const requested = (change: Partial<Data<'TurnRequested'>> = {}): MemoryEvent => ({
  type: 'TurnRequested',
  data: { ...refs(), agent: 'a', user: 'u', message: 'm', occurredAt: '2026-01-01T00:00:00Z', ...change },
});
const completedTool = (change: Partial<Data<'ToolCompleted'>> = {}): MemoryEvent => ({
  type: 'ToolCompleted',
  data: {
    ...refs(),
    ...{ step: 1, ordinal: 0, call: 'c', tool: 'lookup', outcome: 'ok', code: null, arguments: {}, result: 'r' },
    ...{ effectKey: 'e', durationMs: 1, ...change },
  },
});
const recorded = (text: string): MemoryEvent => {
  const ref = refs();
  return {
    type: 'RoundRecorded',
    data: {
      ...{ ...ref, round: `round ${ref.turn}`, scope: {}, agent: 'a', occurredAt: '2026-01-01T00:00:00Z' },
      ...{ message: { speaker: 'user', text }, reply: { speaker: 'a', text } },
    },
  };
};
const asserted = (change: Partial<Data<'FactAsserted'>> = {}): MemoryEvent => {
  const ref = refs();
  return {
    type: 'FactAsserted',
    data: {
      ...{
        fact: `fact ${ref.turn}`,
        scope: {},
        kind: 'fact',
        subject: 'user',
        relation: 'likes',
        value: 'v',
        text: 't',
      },
      ...{ contentHash: `hash ${ref.turn}`, confidence: 0.5, trust: 'direct_user', validFrom: '2026-01-01T00:00:00Z' },
      ...{ validTo: null, replaces: null, disputedWith: null, source: { ...ref, quote: 'q' }, ...change },
    },
  };
};
const edited = (change: Partial<Data<'BlockEdited'>> = {}): MemoryEvent => ({
  type: 'BlockEdited',
  data: {
    ...{
      scope: {},
      label: `label ${(count.turns += 1)}`,
      description: 'd',
      value: 'v',
      limit: 10,
      actor: 'a',
      reason: 'r',
    },
    ...change,
  },
});

/** Appends one event to a stream of its own and gives it as the log has it. */
async function store(event: MemoryEvent): Promise<MemoryEvent | undefined> {
  const stream = `bad/${(count.turns += 1)}`;
  await database.store.append('acme', {
    id: stream,
    streams: [{ name: stream, expectedVersion: 'none' }],
    events: [{ ...event, stream }],
  });
  const [stored] = await collect(database.store.readStream('acme', stream));
  return stored;
}

async function rows<T extends object>(sql: string, ...values: unknown[]): Promise<T[]> {
  return (await database.admin.query<T>(sql, values)).rows;
}

/** How many rows there are in every table that has a tenant. */
async function contents(): Promise<unknown> {
  return rows(
    `select relname, (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from holdfast.%I', relname), true, true, '')))[1]::text as n
     from pg_class c where relnamespace = 'holdfast'::regnamespace and relkind = 'r'
       and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant') order by 1`,
  );
}

function noise(bytes: number): string {
  return randomBytes(bytes).toString('hex').slice(0, bytes);
}

/** As views hold it. */
function clean(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

const texts: readonly (readonly [string, string])[] = [
  ['NUL and lone surrogates', 'a\0b\ud800c\udfff'],
  ['right-to-left text with controls', 'مرحبا \u202Eالعالم\u202C'],
  ['zero-width text', 'a\u200b\u200d\ufeffb'],
  ['one megabyte of words, each another', Array.from({ length: 150_000 }, (_, n) => `w${n}`).join(' ')],
  ['one megabyte that does not compress', noise(1 << 20)],
  ['one word of a megabyte', 'ä'.repeat(1 << 19)],
  ['operators of a text search', `a & b | !c <-> (d:*) 'e' \\ :AB %_`],
  ['nothing', ''],
  ['only spaces', ' \n\t '],
];

describe.each(texts)('%s', (_name, text) => {
  test('in what was said: the log is exact, the views are clean, and it can be searched', async () => {
    const turn = requested({ message: text });
    expect(await store(turn)).toMatchObject(turn);
    const found = await rows('select message from turn where turn = $1', (turn.data as { turn: string }).turn);
    expect(found).toEqual([{ message: clean(text) }]);
    const round = recorded(text);
    expect(await store(round)).toMatchObject(round);
    const { round: id } = round.data as { round: string };
    expect(await rows('select message, reply from round where round = $1', id)).toEqual([
      { message: clean(text), reply: clean(text) },
    ]);
    const [document] = await rows<{ content: string }>('select content from memory_document where id = $1', id);
    expect(document?.content).toContain(clean(text).trim().slice(0, 1_000));
  });

  test('in arguments and results of a tool', async () => {
    const tool = completedTool({ arguments: { [`k${text.slice(0, 100)}`]: [text] }, result: text });
    expect(await store(tool)).toMatchObject(tool);
    const found = await rows(
      'select arguments, result from tool_outcome where turn = $1',
      (tool.data as { turn: string }).turn,
    );
    expect(found).toEqual([{ arguments: { [clean(`k${text.slice(0, 100)}`)]: [clean(text)] }, result: clean(text) }]);
  });

  test('in a fact and in a block', async () => {
    const fact = asserted({ text, value: text, subject: text.slice(0, 100), relation: text.slice(0, 100) });
    expect(await store(fact)).toMatchObject(fact);
    const { fact: id } = fact.data as { fact: string };
    expect(await rows('select content, value, subject from fact where fact = $1', id)).toEqual([
      { content: clean(text), value: clean(text), subject: clean(text.slice(0, 100)) },
    ]);
    const block = edited({ value: text, description: text });
    expect(await store(block)).toMatchObject(block);
    expect(await rows('select value from block where label = $1', (block.data as { label: string }).label)).toEqual([
      { value: clean(text) },
    ]);
  });
});

describe('values at the edge', () => {
  test('JSON 900 levels deep, own __proto__, and edges of numbers in arguments', async () => {
    let deep: unknown = 'core';
    for (let i = 0; i < 900; i++) deep = [deep];
    const values = {
      deep,
      ...(JSON.parse('{"__proto__": {"polluted": 1}}') as object),
      n: [1e308, 5e-324, 2 ** 53, 0.1],
    };
    const tool = completedTool({ arguments: values });
    expect(JSON.stringify((await store(tool))?.data)).toBe(JSON.stringify(tool.data));
    const [found] = await rows<{ arguments: object }>(
      'select arguments from tool_outcome where turn = $1',
      (tool.data as { turn: string }).turn,
    );
    expect(found?.arguments).toMatchObject({ deep, n: [1e308, 5e-324, 2 ** 53, 0.1] });
    expect(Object.hasOwn(found?.arguments ?? {}, '__proto__')).toBe(true);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '1969-12-31T23:59:59.001Z'])(
    'the time %s',
    async (occurredAt) => {
      const turn = requested({ occurredAt });
      await store(turn);
      const [found] = await rows<{ ms: string }>(
        'select (extract(epoch from occurred_at) * 1000)::bigint::text as ms from turn where turn = $1',
        (turn.data as { turn: string }).turn,
      );
      expect(Number(found?.ms)).toBe(Date.parse(occurredAt));
    },
  );
});

describe('what no view can hold is refused before anything is written', () => {
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['a thread whose name no index takes', () => requested({ thread: noise(10_000) }), /cannot hold: index row/],
    ['a label of a megabyte', () => edited({ label: noise(1 << 20) }), /cannot hold: index row/],
    ['a step beyond int4', () => completedTool({ step: 3e9 }), /cannot hold: .*22003/],
    ['half a step', () => completedTool({ step: 1.5 }), /cannot hold: .*22P02/],
    ['a step in words', () => completedTool({ step: 'one' as never }), /cannot hold: .*22P02/],
    ['a time in words', () => requested({ occurredAt: 'yesterday' }), /cannot be folded into views: RangeError/],
    [
      'a time before the calendar of PostgreSQL',
      () => requested({ occurredAt: '-200000-01-01T00:00:00Z' }),
      /cannot hold: .*22/,
    ],
    [
      'data without what its type has',
      () => ({ type: 'RoundRecorded', data: {} }),
      /cannot be folded into views: TypeError/,
    ],
    ['a thread that is null', () => requested({ thread: null as never }), /cannot hold: .*23502 \(view "\w+"\)/],
    ['a property that is left out', () => completedTool({ tool: undefined as never }), /cannot hold: .*23502/],
  ];
  test.each(cases)('%s', async (_name, make, message) => {
    const before = await contents();
    const event = make() as MemoryEvent;
    const error: unknown = await store(event).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InvalidCommandError);
    expect(error).toMatchObject({ code: 'INVALID_COMMAND', hint: expect.stringContaining('Look ') as string });
    expect(String(error)).toMatch(message);
    expect((error as Error).cause).toBeInstanceOf(Error);
    expect(String(error).length).toBeLessThan(500);
    expect(await contents()).toEqual(before);
  });

  test('the same row opened twice by one command', async () => {
    const before = await contents();
    const turn = requested();
    const stream = 'bad/twice';
    const appended = database.store.append('acme', {
      id: stream,
      streams: [{ name: stream, expectedVersion: 'none' }],
      events: [
        { ...turn, stream },
        { ...turn, stream },
      ],
    });
    await expect(appended).rejects.toMatchObject({
      code: 'INVALID_COMMAND',
      message: expect.stringContaining('opened twice') as string,
    });
    expect(await contents()).toEqual(before);
  });

  test('and by two commands: the second is refused, its neighbours are stored', async () => {
    const turn = requested();
    await store(turn);
    const outcomes = await Promise.allSettled([store(requested()), store(turn), store(requested())]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'INVALID_COMMAND' } });
    expect(String((outcomes[1] as PromiseRejectedResult).reason)).toMatch(/cannot hold: duplicate key.*23505/);
  });
});
