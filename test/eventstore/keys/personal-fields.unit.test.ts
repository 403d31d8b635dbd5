import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPersonalFields, putFields, takeFields, tombstonesAt } from '../../../eventstore/keys/personal-fields.ts';

const declared = {
  text: '[forgotten]',
  'message.text': '[forgotten]',
  'parts.*.text': '[gone]',
  'deep.*.list.*.x': 0,
  items: [],
} as const;
const paths = Object.keys(declared);

describe('personal fields', () => {
  test('are taken out where they are declared, and nowhere else', () => {
    const data = {
      text: 'secret',
      message: { speaker: 'ana', text: 'secret' },
      parts: [
        { role: 'system', position: 3 },
        { role: 'user', text: 'secret' },
      ],
      items: [{ any: 'secret' }],
      other: 'public',
    };
    const taken = takeFields(data, paths);
    expect(taken).toEqual({
      at: ['text', 'message.text', 'parts.1.text', 'items'],
      values: ['secret', 'secret', 'secret', [{ any: 'secret' }]],
    });
    expect(data).toEqual({
      message: { speaker: 'ana' },
      parts: [{ role: 'system', position: 3 }, { role: 'user' }],
      other: 'public',
    });
  });

  test('that are null or absent stay as they are: there is nothing to hide', () => {
    const data = { text: null, message: {}, parts: null, items: undefined };
    expect(takeFields(data, paths).at).toEqual([]);
    expect(data).toEqual({ text: null, message: {}, parts: null, items: undefined });
  });

  test('come back to where they were, or as tombstones', () => {
    const data = { message: { speaker: 'ana', text: 'x' }, parts: [{ text: 'y' }], items: [1] };
    const original = structuredClone(data);
    const taken = takeFields(data, paths);
    const rest = structuredClone(data);
    expect(putFields(data, taken)).toEqual(original);
    expect(putFields(data, tombstonesAt(taken.at, declared))).toEqual({
      message: { speaker: 'ana', text: '[forgotten]' },
      parts: [{ text: '[gone]' }],
      items: [],
    });
    // What others may hold as well stays as it was.
    expect(data).toEqual(rest);
    expect(tombstonesAt(['deep.0.list.12.x', 'declared.no.more'], declared).values).toEqual([0, null]);
  });

  test('survive the round trip whatever the data is', () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            text: fc.jsonValue(),
            message: fc.oneof(fc.jsonValue(), fc.record({ text: fc.jsonValue() })),
            parts: fc.array(fc.oneof(fc.jsonValue(), fc.record({ text: fc.string({ unit: 'binary' }) }))),
            deep: fc.array(fc.record({ list: fc.array(fc.record({ x: fc.jsonValue(), y: fc.jsonValue() })) })),
            items: fc.jsonValue(),
            __proto__: fc.jsonValue(),
          },
          { requiredKeys: [] },
        ),
        (generated) => {
          const data = JSON.parse(JSON.stringify(generated)) as object;
          const original = structuredClone(data);
          const taken = takeFields(data, paths);
          expect(takeFields(data, paths).at).toEqual([]);
          expect(putFields(data, taken)).toEqual(original);
        },
      ),
    );
  });

  test('with no place to go are reported, and nothing outside the data is touched', () => {
    expect(putFields({ message: 'a text' }, { at: ['message.text'], values: ['x'] })).toBeNull();
    expect(putFields({}, { at: ['message.text'], values: ['x'] })).toBeNull();
    expect(putFields({}, { at: ['__proto__.polluted'], values: ['x'] })).toBeNull();
    expect(putFields({}, { at: ['__proto__'], values: [{ polluted: true }] })).toBeNull();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([['a', 'a.b'], ['list.*'], ['list.0.x'], ['a..b'], ['__proto__.x']])(
    'declared as %s, %s are refused',
    (...own) => {
      const fields = Object.fromEntries(own.map((path) => [path, null]));
      expect(() => checkPersonalFields({ Noted: fields })).toThrow(/Personal field/);
    },
  );
});
