import { describe, expect, test } from 'vitest';
import type { MemoryEvent } from '../../memory/events.ts';
import { withDatabase } from '../support/with-database.ts';
import { hostile } from './hostile.ts';
import { plainStore } from './shapes.ts';

const database = withDatabase('plain');
const withViews = withDatabase();

describe('the log keeps the exact text', () => {
  test.each(hostile)('%s', async (name, text) => {
    const store = plainStore(database);
    const data = { text };
    const stream = `hostile/${name}`;
    const command = {
      id: stream,
      streams: [{ name: stream, expectedVersion: 'none' }],
      events: [{ type: 'Noted', stream, data }],
      meta: { from: text },
      result: { answer: text },
    } as const;
    const first = await store.append('acme', command);
    const { rows } = await database.admin.query<{ data: string; meta: string; result: string }>(
      `select e.data::text as data, c.meta::text as meta, c.result::text as result
       from command c join event e on e.tenant = c.tenant and e.position = c.first_position where c.id = $1`,
      [stream],
    );
    expect(rows).toEqual([
      { data: JSON.stringify(data), meta: JSON.stringify({ from: text }), result: JSON.stringify({ answer: text }) },
    ]);
    const [event] = await Array.fromAsync(store.readStream('acme', stream));
    // -0 has no spelling in JSON, so the comparison goes through JSON too.
    expect(event?.data).toEqual(JSON.parse(JSON.stringify(data)));
    const again = await store.append('acme', command, { strict: true });
    expect(again).toEqual({ ...first, replayed: true });
    expect(again.result).toEqual(JSON.parse(JSON.stringify({ answer: text })));
  });

  test.each(['emoji 👩‍👩‍👧‍👦', 'rtl שלום', 'quote \' " \\ ; --', 'e\u0301 is not é', ' spaces  '])(
    'names may be any plain text: %j',
    async (name) => {
      const store = plainStore(database);
      await store.append('acme', {
        id: `name/${name}`,
        streams: [{ name, expectedVersion: 'none' }],
        events: [{ type: 'Noted', stream: name, data: { text: 1 }, subjects: [name] }],
      });
      expect((await Array.fromAsync(store.readStream('acme', name)))[0]).toMatchObject({
        stream: name,
        subjects: [name],
      });
      expect((await store.readCommand('acme', `name/${name}`))?.id).toBe(`name/${name}`);
    },
  );
});

describe('views hold the cleaned text', () => {
  test('U+FFFD stands for NUL and lone surrogates; everything else is untouched', async () => {
    const { store, admin } = withViews;
    const said = 'a\0b \ud800 ok 👍 שלום';
    const requested: MemoryEvent = {
      type: 'TurnRequested',
      data: {
        thread: 't',
        branch: 'main',
        turn: 'h1',
        agent: 'a',
        user: 'u',
        message: said,
        occurredAt: '2026-01-01T00:00:00Z',
      },
    };
    const tool: MemoryEvent = {
      type: 'ToolCompleted',
      data: {
        thread: 't',
        branch: 'main',
        turn: 'h1',
        step: 1,
        ordinal: 0,
        call: 'c',
        tool: 'lookup',
        outcome: 'ok',
        code: null,
        arguments: { ['k\0']: ['\udfff', { deep: '\0' }] },
        result: 'r\0',
        effectKey: 'e',
        durationMs: 1,
      },
    };
    await store.append('acme', {
      id: 'hostile/views',
      streams: [{ name: 'turn/h1', expectedVersion: 'none' }],
      events: [
        { ...requested, stream: 'turn/h1' },
        { ...tool, stream: 'turn/h1' },
      ],
    });
    const { rows: turns } = await admin.query(`select message from turn where turn = 'h1'`);
    expect(turns).toEqual([{ message: 'a\uFFFDb \uFFFD ok 👍 שלום' }]);
    const { rows: tools } = await admin.query(`select arguments, result from tool_outcome where turn = 'h1'`);
    expect(tools).toEqual([{ arguments: { 'k\uFFFD': ['\uFFFD', { deep: '\uFFFD' }] }, result: 'r\uFFFD' }]);
    const [first] = await Array.fromAsync(store.readStream('acme', 'turn/h1'));
    expect(first?.type === 'TurnRequested' && first.data.message).toBe(said);
  });
});
