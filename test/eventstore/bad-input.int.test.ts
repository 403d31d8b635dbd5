import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { commandLimits } from '../../eventstore/append/encode-command.ts';
import type { Command } from '../../eventstore/index.ts';
import { ExpectedVersionConflictError, InvalidCommandError } from '../../eventstore/index.ts';
import { withDatabase } from '../support/with-database.ts';
import { collect, note, noted, plainStore, upTo } from './shapes.ts';
import type { Noted } from './shapes.ts';

const database = withDatabase('plain');

/** Text that no compression makes shorter. */
function noise(bytes: number): string {
  return randomBytes(bytes).toString('hex').slice(0, bytes);
}

function nested(levels: number): unknown {
  let value: unknown = 'core';
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { inner: value };
  return value;
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** Rows of every table and the head, by SQL that sees through row-level security. */
async function contents(): Promise<unknown> {
  const { rows } = await database.admin.query(
    `select (select count(*)::int from event) as events, (select count(*)::int from command) as commands,
       (select count(*)::int from stream) as streams, (select count(*)::int from subject_key) as keys,
       (select json_agg(h order by tenant) from log_head h) as heads`,
  );
  return rows[0];
}

async function refusal(command: unknown): Promise<unknown> {
  const before = await contents();
  // Programs without types may send anything.
  const error: unknown = await plainStore(database)
    .append('acme', command as Command<Noted>)
    .then(
      () => 'accepted',
      (reason: unknown) => reason,
    );
  expect(await contents(), 'what is in the log after a refusal').toEqual(before);
  return error;
}

const proto = JSON.parse(
  '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}',
) as object;

describe('what is stored comes back exactly', () => {
  const values: readonly (readonly [string, unknown])[] = [
    ['right-to-left text', 'مرحبا \u202Eالعالم\u202C \u2067שלום\u2069'],
    ['zero-width and invisible text', 'a\u200b\u200c\u200d\u2060\ufeffb\u00ad'],
    ['private and unassigned characters', '\ue000\u{f0000}\u{10ffff}\u{e0001}'],
    ['a megabyte that does not compress', noise(1 << 20)],
    ['a megabyte of NUL', '\0'.repeat(1 << 20)],
    ['half a megabyte of lone surrogates', '\ud800'.repeat(1 << 19)],
    ['own properties named __proto__ and constructor', proto],
    ['names of properties that JavaScript knows', { toString: 1, hasOwnProperty: 2, length: 3, '0': 4, valueOf: null }],
    ['a hundred thousand properties', Object.fromEntries(upTo(100_000).map((n) => [`key ${n}`, n]))],
    ['a name of a property of a megabyte', { [noise(1 << 20)]: 1 }],
    ['an array of a million numbers', upTo(1_000_000)],
    ['JSON as deep as allowed', nested(commandLimits.jsonDepth - 1)],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['text that looks like JSON', '{"a":1}\u0000\\u0000'],
    ['text that looks like a value of PostgreSQL', '{NULL,"\\\\"} \\x00 $1 \'\' --'],
  ];
  test.each(values)('%s', async (name, text) => {
    const store = plainStore(database);
    const stream = `kept/${name}`;
    await store.append('acme', note(stream, stream, 'none', { text }));
    const [event] = await collect(store.readStream('acme', stream));
    expect(digest(event?.data)).toBe(digest({ text }));
    expect(Object.keys(event?.data.text as object).sort()).toEqual(Object.keys(text as object).sort());
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('properties that are undefined are left out, and -0 is 0', async () => {
    const store = plainStore(database);
    await store.append('acme', note('left out', 'left out', 'none', { text: { a: undefined, b: -0, c: [-0] } }));
    const [event] = await collect(store.readStream('acme', 'left out'));
    expect(event?.data).toStrictEqual({ text: { b: 0, c: [0] } });
  });
});

describe('what JSON would change without a word is refused, with its place', () => {
  class Reading {
    get celsius(): number {
      throw new Error('no sensor');
    }
  }
  const values: readonly (readonly [string, unknown, RegExp])[] = [
    ['NaN', { a: [1, NaN] }, /data of Noted holds NaN at "text\.a\.1"/],
    ['Infinity', -Infinity, /holds -Infinity at "text"/],
    ['a bigint', { n: 1n }, /cannot be written as JSON: .*BigInt/],
    ['undefined in an array', [1, undefined], /holds undefined at "text\.1"/],
    ['a hole in an array', [1, , 3], /holds undefined at "text\.1"/],
    ['a function', { f: () => 1 }, /holds a function at "text\.f"/],
    ['a symbol', [Symbol('s')], /holds a symbol at "text\.0"/],
    ['a Date', { at: new Date(0) }, /holds a Date, which writes itself as something else at "text\.at"/],
    ['a Buffer', Buffer.from('x'), /holds an? \w+, which writes itself as something else/],
    ['a Map', new Map([[1, 2]]), /holds a Map at "text"/],
    ['a Set', { s: new Set([1]) }, /holds a Set at "text\.s"/],
    ['a regular expression', /x/, /holds a RegExp/],
    ['an error', new Error('x'), /holds an Error/],
    ['a typed array', new Float32Array(2), /holds a Float32Array/],
    ['a promise', Promise.resolve(1), /holds a Promise/],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('boom');
        },
      },
      /cannot be written as JSON: Error: boom/,
    ],
    ['a toJSON that gives something else', { toJSON: () => 'else' }, /an object with toJSON\(\), which writes itself/],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('boom');
        },
      },
      /cannot be written as JSON: Error: boom/,
    ],
    ['JSON one level deeper than allowed', nested(commandLimits.jsonDepth), /nested too deep .*at most 1000 levels/],
    ['JSON 10,000 levels deep', nested(10_000), /nested too deep|cannot be written as JSON/],
    ['JSON 1,000,000 levels deep', nested(1_000_000), /cannot be written as JSON: RangeError/],
  ];
  test.each(values)('%s', async (_name, text, message) => {
    for (const change of [{ events: [noted('refused', text)] }, { result: { text } }, { meta: { text } }]) {
      const error = await refusal({ ...note('refused', 'refused'), ...change });
      expect(error).toBeInstanceOf(InvalidCommandError);
      expect(error).toMatchObject({ code: 'INVALID_COMMAND', retryable: false });
      if ('events' in change) expect(String(error)).toMatch(message);
      expect(String(error).length).toBeLessThan(1_000);
    }
  });

  test('a cycle', async () => {
    const text: { self?: object } = {};
    text.self = text;
    expect(String(await refusal(note('refused', 'refused', 'any', { text })))).toMatch(
      /cannot be written as JSON: .*circular/,
    );
  });

  test('a getter of a class is not data: what the class holds is', async () => {
    const store = plainStore(database);
    await store.append('acme', note('class', 'class', 'none', { text: Object.assign(new Reading(), { kelvin: 3 }) }));
    expect((await collect(store.readStream('acme', 'class')))[0]?.data.text).toEqual({ kelvin: 3 });
  });
});

describe('a command of the wrong shape is refused', () => {
  const stream = { name: 's', expectedVersion: 'any' };
  const event = { ...noted('s') };
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['no events', { id: 'x', streams: [stream], events: [] }, /0 events; expected 1 to 10000/],
    ['a stream twice', { id: 'x', streams: [stream, stream], events: [event] }, /names stream "s" twice/],
    [
      'an event for a stream it does not name',
      { id: 'x', streams: [stream], events: [noted('t')] },
      /stream "t" without/,
    ],
    ['a number as id', { id: 7, streams: [stream], events: [event] }, /Command id is of type number/],
    ['no id', { streams: [stream], events: [event] }, /Command id is of type undefined/],
    ['no list of streams', { id: 'x', streams: 's', events: [event] }, /no list of streams/],
    [
      'a number as name of a stream',
      { id: 'x', streams: [{ ...stream, name: 1 }], events: [event] },
      /Stream name is of type number/,
    ],
    [
      'a number as type',
      { id: 'x', streams: [stream], events: [{ ...event, type: 1 }] },
      /Event type is of type number/,
    ],
    ['data that is null', { id: 'x', streams: [stream], events: [{ ...event, data: null }] }, /is null, not an object/],
    [
      'data that is a text',
      { id: 'x', streams: [stream], events: [{ ...event, data: 'x' }] },
      /is a string, not an object/,
    ],
    [
      'no data',
      { id: 'x', streams: [stream], events: [{ type: 'Noted', stream: 's' }] },
      /is undefined, not an object/,
    ],
    [
      'subjects that are no list',
      { id: 'x', streams: [stream], events: [{ ...event, subjects: 'ana' }] },
      /no list of subjects/,
    ],
    [
      'a subject that is no text',
      { id: 'x', streams: [stream], events: [{ ...event, subjects: [{}] }] },
      /Subject is of type object/,
    ],
    ['read at a place that is none', { id: 'x', streams: [stream], events: [event], readAt: -1 }, /was read at -1/],
    ...[-1, -2, 0.5, NaN, Infinity, 2 ** 53, 1e300, '5', 'non', 'constructor', null, undefined, true, 3n, {}].map(
      (expectedVersion) =>
        [
          `version ${inspect(expectedVersion)} (${typeof expectedVersion})`,
          { id: 'x', streams: [{ name: 's', expectedVersion }], events: [event] },
          /Expected version .* is not a version/,
        ] as const,
    ),
    ...[0, -1, 1.5, 32_768, 2 ** 53, NaN, '1'].map(
      (schemaVersion) =>
        [
          `schema version ${schemaVersion} (${typeof schemaVersion})`,
          { id: 'x', streams: [stream], events: [{ ...event, schemaVersion }] },
          /schema version/i,
        ] as const,
    ),
  ];
  test.each(cases)('%s', async (_name, command, message) => {
    const error = await refusal(command);
    expect(error).toBeInstanceOf(InvalidCommandError);
    expect(String(error)).toMatch(message);
  });

  test.each([1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER])(
    'version %i, far beyond the stream’s, conflicts',
    async (version) => {
      const error = await refusal(note('far', 'far', version));
      expect(error).toBeInstanceOf(ExpectedVersionConflictError);
      expect(error).toMatchObject({ expected: version, actual: 0 });
    },
  );
});

describe('at the limits', () => {
  const name = (): string => noise(commandLimits.nameBytes);

  test('names of the greatest length that do not compress are stored; one byte more is refused', async () => {
    const store = plainStore(database);
    const [id, stream, type, subject] = [name(), name(), name(), name()];
    const command = {
      id,
      streams: [{ name: stream, expectedVersion: 'none' }],
      events: [{ type, stream, data: { text: 1 }, subjects: [subject] }],
    } as unknown as Command<Noted>;
    await store.append('acme', command);
    expect(await collect(store.readStream('acme', stream))).toMatchObject([{ type, stream, subjects: [subject] }]);
    expect((await store.readCommand('acme', id))?.id).toBe(id);
    for (const change of [
      { id: `${id}x` },
      { id: 'x', streams: [{ name: `${stream}x`, expectedVersion: 'any' }] },
      { id: 'x', events: [{ type: `${type}x`, stream, data: {} }] },
      { id: 'x', events: [{ type, stream, data: {}, subjects: [`${subject}x`] }] },
    ]) {
      expect(String(await refusal({ ...command, ...change }))).toMatch(/has 1001 bytes; expected 1 to 1000/);
    }
  });

  test('10,000 events on 10,000 streams are stored; one more of either is refused', async () => {
    const store = plainStore(database);
    const streams = upTo(commandLimits.streams).map((n) => ({ name: `many/${n}`, expectedVersion: 'none' as const }));
    const events = streams.map((stream, index) => noted(stream.name, index));
    const { firstPosition, lastPosition } = await store.append('acme', { id: 'many', streams, events });
    expect(lastPosition - firstPosition).toBe(9_999);
    const log = await collect(store.readLog('acme', { after: firstPosition - 1, upTo: lastPosition, pageSize: 2_000 }));
    expect(log.map(({ data }) => data.text)).toEqual(upTo(10_000).map((n) => n - 1));
    const again = { id: 'more', streams, events };
    expect(String(await refusal({ ...again, events: [...events, noted('many/1')] }))).toMatch(/10001 events/);
    const extra = { name: 'one more', expectedVersion: 'any' };
    expect(String(await refusal({ ...again, streams: [...streams, extra] }))).toMatch(/10001 streams/);
  });

  test('1,000 subjects of an event are stored; one more is refused', async () => {
    const store = plainStore(database);
    const subjects = upTo(commandLimits.subjects).map((n) => `subject ${n}`);
    const command = { ...note('subjects', 'subjects'), events: [{ ...noted('subjects'), subjects }] };
    await store.append('acme', command);
    expect((await collect(store.readStream('acme', 'subjects')))[0]?.subjects).toEqual(subjects);
    const more = { ...command, id: 'x', events: [{ ...noted('subjects'), subjects: [...subjects, 'more'] }] };
    expect(String(await refusal(more))).toMatch(/1001 subjects; expected 0 to 1000/);
  });

  test('32 MiB to the byte are stored; one byte more is refused, and so are names of that size', async () => {
    const store = plainStore(database);
    const frame = Buffer.byteLength('{"text":""}{}{}');
    const ofBytes = (id: string, bytes: number): Command<Noted> => ({
      id,
      streams: [{ name: 'large', expectedVersion: 'any' }],
      events: [noted('large', 'ä'.repeat((bytes - frame) / 2) + 'x'.repeat((bytes - frame) % 2))],
    });
    await store.append('acme', ofBytes('exactly', commandLimits.bytes));
    const [event] = await collect(store.readStream('acme', 'large'));
    expect(digest(event?.data)).toBe(digest(ofBytes('exactly', commandLimits.bytes).events[0]?.data));
    const error = await refusal(ofBytes('more', commandLimits.bytes + 1));
    expect(error).toMatchObject({ code: 'INVALID_COMMAND', hint: expect.stringContaining('Split it') as string });
    expect(String(error)).toContain(
      `is ${commandLimits.bytes + 1} bytes long; expected at most ${commandLimits.bytes}`,
    );
    const subjects = upTo(1_000).map((n) => String(n).padStart(1_000, '0'));
    const names = { ...note('names', 'names'), events: upTo(40).map(() => ({ ...noted('names'), subjects })) };
    expect(String(await refusal(names))).toMatch(/is 40000205 bytes long/);
  });
});
