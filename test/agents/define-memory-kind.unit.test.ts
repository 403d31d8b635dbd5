import { expect, test } from 'vitest';
import { z } from 'zod';
import { builtInKinds, defineAgent, defineMemoryKind } from '../../agents/index.ts';

const schema = z.object({ label: z.enum(['home', 'work']), city: z.string() });
const options = { name: 'delivery_address', description: 'Where parcels go.', schema };
const address = defineMemoryKind({ ...options, key: ['label'] });

test('a kind reads values by its schema, says what is wrong, and knows its own memories', async () => {
  const data = { label: 'home', city: 'Lisbon' };
  const read = { data, relation: 'delivery_address', value: 'label: home; city: Lisbon', keyFields: ['label'] };
  expect(await address.read(data as never)).toEqual(read);
  expect(await address.read(JSON.stringify(data) as never)).toEqual(read);
  expect(await address.read({ label: 'boat', city: 7 } as never)).toEqual({
    problem: expect.stringMatching(/the schema of "delivery_address": label: .*; city: /) as string,
  });
  expect(address.is({ kind: 'delivery_address', data })).toBe(true);
  expect(address.is({ kind: 'delivery_address', data: null })).toBe(false);
  expect(address.is({ kind: 'fact', data })).toBe(false);
  const dated = defineMemoryKind({ ...options, schema: z.any().transform(() => new Date()), jsonSchema: {} });
  expect(await dated.read({} as never)).toEqual({
    problem: 'the schema of "delivery_address" gives something that is no JSON',
  });
});

test('an agent keeps it next to built-in kinds, with an end and a tier of its own', () => {
  const { memory } = defineAgent({
    name: 'a',
    instructions: '',
    memory: {
      kinds: [...builtInKinds, address],
      ttl: { delivery_address: 30 },
      writes: { delivery_address: 'queue' },
      recall: { kinds: ['fact', address] },
    },
  });
  expect(memory.kinds).toEqual([...builtInKinds, 'delivery_address']);
  expect(memory.ttl).toMatchObject({ delivery_address: 30, episode: 365 });
  expect(memory.writes).toMatchObject({ delivery_address: 'queue', fact: 'auto' });
});

test.each([
  [{ name: 'fact' }, /name of memory kind "fact" must be none of preference, fact/],
  [{ name: 'document' }, /must be none of/],
  [{ name: 'Delivery address' }, /small letters/],
  [{ description: '' }, /description of memory kind/],
  [{ schema: {} }, /a Standard Schema/],
  [{ key: ['street'] }, /key\[0\] of memory kind "delivery_address" must be a field of the schema \(label, city\)/],
  [{ keys: ['label'] }, /left out \(known are/],
  [
    { schema: { '~standard': { version: 1, vendor: 'x', validate: () => ({ value: 1 }) } } },
    /jsonSchema of memory kind/,
  ],
])('%j is refused', (change, message) => {
  expect(() => defineMemoryKind({ ...options, ...change } as never)).toThrow(message);
});

test.each([
  [
    { kinds: ['delivery_address'] },
    /memory\.kinds\[0\] of agent "a" must be "preference" or .*or what defineMemoryKind gives/,
  ],
  [{ kinds: [address, defineMemoryKind(options)] }, /memory\.kinds\[1\] of agent "a" must be of another name/],
  [{ ttl: { delivery_address: 3 } }, /memory\.ttl\.delivery_address/],
  [{ writes: { delivery_address: 'queue' } }, /memory\.writes\.delivery_address/],
  [{ recall: { kinds: ['delivery_address'] } }, /memory\.recall\.kinds/],
])('an agent is not given %j', (memory, message) => {
  expect(() => defineAgent({ name: 'a', instructions: '', memory: memory as never })).toThrow(message);
});
