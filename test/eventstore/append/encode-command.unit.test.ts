import { describe, expect, test } from 'vitest';
import { commandLimits, encodeCommand } from '../../../eventstore/append/encode-command.ts';
import type { Command } from '../../../eventstore/index.ts';
import { InvalidCommandError } from '../../../eventstore/index.ts';
import type { Noted } from '../shapes.ts';
import { note, noted } from '../shapes.ts';

const valid = note('id', 's', 'none');
const long = 'x'.repeat(1001);

function hashOf(command: Command<Noted>): unknown {
  return encodeCommand(command).hash;
}

describe('a command is refused before anything is sent', () => {
  const cases: readonly (readonly [string, Partial<Command<Noted>>, RegExp])[] = [
    ['an empty id', { id: '' }, /Command id has 0 bytes; expected 1 to 1000/],
    ['a long id', { id: long }, /Command id has 1001 bytes/],
    ['a NUL in the id', { id: 'a\0' }, /Command id "a\\u0000" holds a NUL or a lone surrogate/],
    ['a lone surrogate in the id', { id: 'a\ud800' }, /Command id .* lone surrogate/],
    ['no events', { events: [] }, /"id" has 0 events; expected 1 to 10000/],
    ['too many events', { events: Array.from({ length: 10_001 }, () => noted('s')) }, /has 10001 events/],
    [
      'a stream named twice',
      { streams: [valid.streams[0] ?? { name: 's', expectedVersion: 'any' }, { name: 's', expectedVersion: 'any' }] },
      /names stream "s" twice/,
    ],
    ['an empty stream name', { streams: [{ name: '', expectedVersion: 'any' }] }, /Stream name has 0 bytes/],
    ['a long stream name', { streams: [{ name: long, expectedVersion: 'any' }] }, /Stream name has 1001 bytes/],
    ['a NUL in a stream name', { streams: [{ name: 's\0', expectedVersion: 'any' }] }, /Stream name .* NUL/],
    ['a stream without expectation', { events: [noted('other')] }, /stream "other" without an expected version/],
    ['no streams at all', { streams: [] }, /stream "s" without an expected version/],
    ['an empty subject', { events: [{ ...noted('s'), subjects: [''] }] }, /Subject has 0 bytes/],
    ['a NUL in a subject', { events: [{ ...noted('s'), subjects: ['\0'] }] }, /Subject .* NUL/],
    [
      'a schema version of 0',
      { events: [{ ...noted('s'), schemaVersion: 0 }] },
      /is 0; expected a whole number from 1/,
    ],
    ['a fractional schema version', { events: [{ ...noted('s'), schemaVersion: 1.5 }] }, /is 1.5; expected a whole/],
    ['a huge schema version', { events: [{ ...noted('s'), schemaVersion: 32_768 }] }, /to 32767/],
    ['a negative version', { streams: [{ name: 's', expectedVersion: -1 }] }, /Expected version -1 is not a version/],
    ['a fractional version', { streams: [{ name: 's', expectedVersion: 0.5 }] }, /Expected version 0.5 is not/],
    ['NaN as version', { streams: [{ name: 's', expectedVersion: NaN }] }, /Expected version NaN is not/],
    ['a bigint in data', { events: [noted('s', 1n)] }, /data of Noted cannot be written as JSON: .*BigInt/],
    ['a result that is no JSON', { result: { toJSON: () => undefined } }, /The result holds an object with toJSON/],
    ['a meta with a cycle', { meta: cycle() }, /The meta cannot be written as JSON: .*circular/],
  ];

  test.each(cases)('%s', (_name, change, message) => {
    const attempt = (): unknown => encodeCommand({ ...valid, ...change });
    expect(attempt).toThrow(InvalidCommandError);
    expect(attempt).toThrow(message);
  });

  test('an empty or hostile event type', () => {
    const typed = (type: string): unknown =>
      encodeCommand({ ...valid, events: [{ ...noted('s'), type }] } as unknown as Command<Noted>);
    expect(() => typed('')).toThrow(/Event type has 0 bytes/);
    expect(() => typed('\udfff')).toThrow(/Event type .* lone surrogate/);
  });

  test('more than 32 MiB, with the way out as hint', () => {
    const half = 'x'.repeat(commandLimits.bytes / 2);
    const attempt = (): unknown => encodeCommand({ ...valid, events: [noted('s', half), noted('s', half)] });
    expect(attempt).toThrow(/bytes long; expected at most 33554432/);
    try {
      attempt();
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_COMMAND', hint: expect.stringContaining('Split it') as string });
    }
  });
});

describe('a command at the limits is taken', () => {
  test('ids, names and counts of exactly the limit', () => {
    const name = 'n'.repeat(1000);
    const events = Array.from({ length: 10_000 }, () => noted(name));
    const encoded = encodeCommand({ id: name, streams: [{ name, expectedVersion: 0 }], events });
    expect(encoded.events).toHaveLength(10_000);
  });
});

describe('the body hash', () => {
  test('is the same for the same content, whatever the order of properties and written-out defaults', () => {
    const [event] = valid.events;
    if (!event) throw new Error('The command has an event.');
    const spelled: Command<Noted> = {
      meta: { other: true },
      result: valid.result ?? {},
      events: [{ subjects: [], schemaVersion: 1, ...event }],
      streams: [{ seal: false, expectedVersion: 0, name: 's' }],
      id: 'id',
    };
    expect(hashOf(spelled)).toBe(hashOf(valid));
  });

  const different: readonly (readonly [string, Partial<Command<Noted>>])[] = [
    ['data', { events: [noted('s', 'other')] }],
    ['subjects', { events: [{ ...noted('s', 'id'), subjects: ['user:ana'] }] }],
    ['schema version', { events: [{ ...noted('s', 'id'), schemaVersion: 2 }] }],
    ['result', { result: { answer: 'other' } }],
    ['seal', { streams: [{ name: 's', expectedVersion: 'none', seal: true }] }],
    ['one more event', { events: [noted('s', 'id'), noted('s', 'id')] }],
    ['an extra stream', { streams: [...valid.streams, { name: 't', expectedVersion: 'any' }] }],
  ];

  test.each(different)('differs by %s', (_name, change) => {
    expect(hashOf({ ...valid, ...change })).not.toBe(hashOf(valid));
  });

  test('cannot be imitated by moving text from one event to the next', () => {
    const hash = (a: string, b: string): unknown => hashOf({ ...valid, events: [noted('s', a), noted('s', b)] });
    expect(hash('ab', 'c')).not.toBe(hash('a', 'bc'));
  });
});

function cycle(): object {
  const object: { self?: object } = {};
  object.self = object;
  return object;
}
