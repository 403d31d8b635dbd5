import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { builtInKinds, defineAgent, defineMemoryKind } from '../../agents/index.ts';
import type { AgentMemory } from '../../agents/index.ts';
import { createClient } from '../../client/index.ts';
import type { HoldfastClient } from '../../client/index.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';
import { withExtraction } from './extract-rig.ts';

const database = withDatabase();
const rig = withExtraction(database);
let client: HoldfastClient;
beforeAll(async () => {
  client = await createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    keyWrapper: localKeyWrapper(testMasterKey),
  });
});
afterAll(() => client.close());

const address = defineMemoryKind({
  name: 'delivery_address',
  description: 'Where the user wants parcels.',
  schema: z.object({ label: z.enum(['home', 'work']), city: z.string(), floor: z.number().optional() }),
  key: ['label'],
});
const by = { actor: 'lead', reason: 'checked' };

const item = (city: string, change: object = {}) => ({
  ...{ action: 'assert', target: null, kind: 'delivery_address', subject: 'user', relation: 'x', value: 'x' },
  ...{ text: `Parcels go to ${city}.`, confidence: 0.9, message: 1, since: null, until: null },
  ...{ data: { label: 'home', city }, ...change },
});

/** Has a model answer with these items, and extracts. */
async function hear(user: string, message: string, items: readonly object[], memory: AgentMemory = {}) {
  rig.answer(JSON.stringify({ proposals: items }));
  const turn = await rig.say(user, message, 'typed');
  const agent = defineAgent({
    name: 'typed',
    instructions: '',
    memory: { kinds: [...builtInKinds, address], ...memory },
  });
  await rig.extract(turn, user, { agents: new Map([['typed', agent]]), agent: 'typed' });
  return (await rig.completed(turn)).outcomes;
}
const homes = async (user: string) => (await rig.facts(user)).filter(address.is);

test('a value is stored typed, ends the one of the same key, and comes back typed', async () => {
  await hear('ana', 'Send parcels to Lisbon.', [item('Lisbon', { data: { label: 'home', city: 'Lisbon', floor: 3 } })]);
  await hear('ana', 'My office is in Porto.', [item('Porto', { data: { label: 'work', city: 'Porto' } })]);
  const outcomes = await hear('ana', 'Send parcels to Oslo now.', [item('Oslo')]);
  expect(outcomes).toMatchObject([{ outcome: 'superseding', reason: 'replaces "Parcels go to Lisbon."' }]);
  expect((await homes('ana')).map(({ data }) => data)).toEqual([
    { label: 'work', city: 'Porto' },
    { label: 'home', city: 'Oslo' },
  ]);
  const scope = { user: 'ana' };
  const [fact] = (await client.memory.list({ scope })).filter(address.is);
  expect(fact?.data.city).toBe('Porto');
  expect((await client.memory.get({ scope, memory: fact?.fact ?? '' })).data).toEqual({ label: 'work', city: 'Porto' });
  const found = await client.memory.recall({ query: 'parcels', scope, policy: { kinds: [address] } });
  expect(
    found.items
      .filter(address.is)
      .map(({ data }) => data.city)
      .toSorted(),
  ).toEqual(['Oslo', 'Porto']);
  expect((await client.memory.recall({ query: 'parcels', scope, policy: { kinds: ['fact'] } })).items).toEqual([]);
  await expect(
    client.memory.recall({ query: 'parcels', scope, policy: { kinds: ['delivery_address' as 'fact'] } }),
  ).rejects.toMatchObject({ code: 'INVALID_READ' });
  // Each came with what is known, its data and all.
  expect(JSON.stringify(rig.asked.at(-1))).toContain('Lisbon');
});

test('the model is told the kind, what it is for and its schema', async () => {
  await hear('bo', 'Hello there.', []);
  const body = JSON.stringify(rig.asked.at(-1));
  expect(body).toContain('Where the user wants parcels.');
  expect(body).toContain('"enum":["home","work"]');
  expect(body).toContain('"procedure","delivery_address"');
});

test('a value that does not fit shows as rejected, and nothing else is lost', async () => {
  const outcomes = await hear('cy', 'Send parcels to Lisbon. I like tea.', [
    item('Lisbon', { data: { label: 'boat', city: 'Lisbon' } }),
    item('Lisbon', { data: null }),
    item('Lisbon', { kind: 'postbox' }),
    item('Lisbon', { data: JSON.stringify({ label: 'work', city: 'Lisbon' }) }),
    { ...item('tea'), kind: 'preference', relation: 'likes', value: 'tea', text: 'The user likes tea.', data: null },
  ]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'rejected', 'rejected', 'rejected']);
  expect(outcomes[2]?.reason).toMatch(/^the data does not fit the schema of "delivery_address": label: /);
  expect(outcomes[3]?.reason).toMatch(/^the data does not fit the schema/);
  expect(outcomes[4]?.reason).toBe('item 3 has another shape than asked for');
  expect((await rig.facts('cy')).map(({ kind }) => kind)).toEqual(['delivery_address', 'preference']);
});

test('what a page says ends no value that the message does not speak of', async () => {
  await hear('di', 'Send parcels to Lisbon.', [item('Lisbon')]);
  const outcomes = await hear('di', 'What does that page say?', [item('Minsk')]);
  expect(outcomes).toMatchObject([{ reason: 'the message does not speak of what this would end or replace' }]);
});

test('it expires, waits for a person and is scrubbed like any other kind', async () => {
  const memory: AgentMemory = {
    ttl: { delivery_address: 30 },
    writes: { delivery_address: 'queue' },
    scrub: { classes: ['email'] },
  };
  const outcomes = await hear('ed', 'Parcels to Lisbon, ed@example.com.', [item('Lisbon, ed@example.com')], memory);
  expect(outcomes).toMatchObject([{ outcome: 'pending' }]);
  const [waits] = await client.memory.pending({ scope: { user: 'ed' } });
  expect(waits).toMatchObject({ kind: 'delivery_address', data: { city: 'Lisbon, [email]' }, keyFields: ['label'] });
  await client.memory.approvePending(waits?.proposal ?? '', by);
  const [fact] = await homes('ed');
  expect(fact?.data).toEqual({ label: 'home', city: 'Lisbon, [email]' });
  expect(fact?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
});

test('code stores a value too, typed and once, and is told what does not fit', async () => {
  const request = { kind: address, data: { label: 'home' as const, city: 'Rome' }, scope: { user: 'fay' }, ...by };
  const first = await client.memory.store(request);
  expect(first).toMatchObject({ outcome: 'stored', replayed: false });
  expect(await client.memory.store(request)).toMatchObject({ id: first.id, replayed: true });
  expect((await homes('fay')).map(({ text, trust }) => [text, trust])).toEqual([
    ['delivery address: label: home; city: Rome', 'direct_user'],
  ]);
  await expect(client.memory.store({ ...request, data: { label: 'boat', city: 'x' } as never })).rejects.toMatchObject({
    code: 'INVALID_MEMORY',
  });
  await expect(client.memory.store({ ...request, replaces: 'm-none' })).rejects.toMatchObject({
    code: 'MEMORY_NOT_FOUND',
  });
  await expect(
    client.memory.correct({ memory: first.id ?? '', value: 'x', text: 'x', scope: { user: 'fay' }, ...by }),
  ).rejects.toMatchObject({ code: 'INVALID_MEMORY' });
  const moved = await client.memory.store({
    ...request,
    data: { label: 'work', city: 'Rome' },
    replaces: first.id ?? '',
  });
  expect(moved.outcome).toBe('superseding');
  expect((await homes('fay')).map(({ data }) => data.label)).toEqual(['work']);
});
