import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { readViews } from '../../projections/read-views.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import { createRecallIndex } from '../../projections/search/shelves.ts';
import { withDatabase } from '../support/with-database.ts';
import { withExtraction } from './extract-rig.ts';

const database = withDatabase();
const rig = withExtraction(database);
const agents = (memory: Parameters<typeof defineAgent>[0]['memory']) => ({
  agents: new Map([
    ['rules', defineAgent({ name: 'rules', instructions: '', memory: { extractor: 'rules', ...memory } })],
  ]),
  agent: 'rules',
});

const index = createRecallIndex();
async function recalled(user: string, days: number): Promise<string[]> {
  const tenant = await database.store.tenantNumber('default');
  const now = new Date(Date.now() + days * 86_400_000);
  const found = await readViews(database.pool, tenant, (reader) =>
    retrieve(reader, { scope: { user }, query: 'Where does the user live? Lisbon?', vector: null, now }, index),
  );
  return found.items.filter(({ rejected }) => rejected === null).map(({ text }) => text);
}

test('a fact is recalled until it expires, by a process that keeps it, too', async () => {
  const turn = await rig.say('ana', 'I live in Lisbon.', 'rules');
  await rig.extract(turn, 'ana', agents({ ttl: { fact: 30 } }));
  const [fact] = await rig.facts('ana');
  expect(fact?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  const text = fact?.text ?? '';
  expect(await recalled('ana', 29)).toContain(text);
  expect(await recalled('ana', 31)).not.toContain(text);
  expect(await recalled('ana', 29)).toContain(text);
  // Said again, it is recalled for longer; there is one of it.
  const again = await rig.say('ana', 'I live in Lisbon.', 'rules');
  await rig.extract(again, 'ana', agents({ ttl: { fact: 90 } }));
  expect(await rig.facts('ana')).toMatchObject([{ text, validFrom: fact?.validFrom }]);
  expect(await recalled('ana', 31)).toEqual([text]);
});

test('kinds that an agent does not keep are rejected, and it shows', async () => {
  const turn = await rig.say('bo', 'I live in Lisbon. I like tea.', 'rules');
  await rig.extract(turn, 'bo', agents({ kinds: ['preference'] }));
  expect((await rig.facts('bo')).map(({ kind }) => kind)).toEqual(['preference']);
  const { outcomes } = await rig.completed(turn);
  expect(outcomes.filter(({ outcome }) => outcome === 'rejected')).toMatchObject([
    { reason: 'the agent keeps no fact' },
  ]);
});

test('what an agent does not store stands nowhere in what it remembers', async () => {
  const turn = await rig.say('cy', 'My email is cy@example.org. I live in Lisbon.', 'rules');
  await rig.extract(turn, 'cy', agents({ scrub: { classes: ['email'] } }));
  const facts = await rig.facts('cy');
  expect(facts.map(({ value }) => value).toSorted()).toEqual(['Lisbon', '[email]']);
  expect(JSON.stringify([facts, await rig.completed(turn)])).not.toContain('cy@example.org');
});
