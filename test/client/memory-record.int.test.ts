import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HoldfastClient } from '../../client/index.ts';
import { createClient } from '../../client/index.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import { userSubject } from '../../memory/subject.ts';
import { streams } from '../../memory/keys.ts';
import { decideProposals } from '../../projections/decide-write.ts';
import { readViews } from '../../projections/read-views.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
let client: HoldfastClient;
const by = { actor: 'mia', reason: 'She told us by phone.' };

beforeAll(async () => {
  client = await createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    tenant: 'acme',
    keyWrapper: localKeyWrapper(testMasterKey),
  });
});
afterAll(() => client.close());

const day = (n: number): Date => new Date(Date.UTC(2026, 2, n));

/** Puts a round and a fact drawn from it in the log, as a turn would. */
async function learn(user: string, relation: string, value: string, n: number): Promise<string> {
  const tenant = await database.store.tenantNumber('acme');
  const turn = `${user}-${relation}-${n}`;
  const text = `The user ${relation} ${value}.`;
  const place = { thread: `t-${user}`, branch: 'main', turn };
  const key = `learn/${turn}`;
  const write = await readViews(database.pool, tenant, (reader) =>
    decideProposals(reader, {
      ...{ scope: { user }, trust: 'direct_user', key },
      proposals: [
        {
          ...{ action: 'assert', target: null, kind: 'fact', subject: 'user', relation, value, text, confidence: 1 },
          ...{ validFrom: day(n).toISOString(), source: { ...place, quote: text } },
        },
      ],
    }),
  );
  await database.store.append('acme', {
    id: key,
    streams: [
      { name: streams.thread(place.thread, 'main'), expectedVersion: 'any' },
      { name: write.stream, expectedVersion: write.expectedVersion },
    ],
    events: [
      {
        type: 'RoundRecorded',
        stream: streams.thread(place.thread, 'main'),
        subjects: [userSubject(user)],
        data: {
          ...{ ...place, round: `r-${turn}`, scope: { user }, agent: 'a' },
          message: { speaker: user, text },
          reply: { speaker: 'a', text: 'Understood.' },
          occurredAt: day(n).toISOString(),
        },
      },
      ...write.events,
    ],
  });
  return write.outcomes[0]?.id ?? '';
}

test('words that are read late bring nothing back that was taken back, or replaced, after they were said', async () => {
  const scope = { user: 'late' };
  const jazz = await learn('late', 'likes', 'jazz', 1);
  const rock = await learn('late', 'likes', 'rock', 2);
  await client.memory.retract({ ...by, scope, memories: [jazz], occurredAt: day(5) });
  const text = 'The user likes blues.';
  await client.memory.correct({ ...by, scope, memory: rock, value: 'blues', text, occurredAt: day(5) });
  // Said on the third and fourth, read now.
  expect(await learn('late', 'likes', 'jazz', 3)).toBe(jazz);
  expect(await learn('late', 'likes', 'rock', 4)).toBe(rock);
  const values = async () => (await client.memory.list({ scope })).map(({ value }) => value).sort();
  expect(await values()).toEqual(['blues']);
  // Said again after it was taken back: it is liked again.
  expect(await learn('late', 'likes', 'jazz', 6)).not.toBe(jazz);
  expect(await values()).toEqual(['blues', 'jazz']);
});

test('a correction replaces, keeps what held before, and gives a receipt that a repeat gives again', async () => {
  const scope = { user: 'ana' };
  const first = await learn('ana', 'lives_in', 'Lisbon', 1);
  const request = { ...by, scope, memory: first, value: 'Porto', text: 'The user lives in Porto.', occurredAt: day(5) };
  const receipt = await client.memory.correct(request);
  expect(receipt).toMatchObject({ outcome: 'superseding', replayed: false });
  expect(receipt.position).toBeGreaterThan(0);
  const again = await client.memory.update(request);
  expect(again).toMatchObject({ outcome: 'superseding', id: receipt.id, position: receipt.position, replayed: true });

  const [now, ...more] = await client.memory.getAll({ scope });
  expect(more).toEqual([]);
  expect(now).toMatchObject({ fact: receipt.id, value: 'Porto', trust: 'direct_user', replaces: first });
  expect(now?.sources).toMatchObject([{ thread: 'mia', quote: 'She told us by phone.' }]);

  const explained = await client.memory.explain({ memory: first, scope });
  expect(explained.fact).toMatchObject({ value: 'Lisbon', validTo: day(5), replacedBy: receipt.id });
  expect(explained.said).toMatchObject([{ message: { speaker: 'ana', text: 'The user lives_in Lisbon.' } }]);
  expect(explained.after).toMatchObject({ value: 'Porto' });
  expect(explained.before).toBeNull();
  const history = await client.memory.history({ memory: first, scope });
  expect(history.map(({ type }) => type)).toEqual(['FactAsserted', 'FactSuperseded']);

  // What was believed to hold on the third and on the seventh, as we know it now and as we knew it then.
  const values = async (validAt: Date, position?: number) =>
    (await client.memory.asOf({ scope, validAt, ...(position === undefined ? {} : { at: position }) })).map(
      ({ value }) => value,
    );
  expect(await values(day(3))).toEqual(['Lisbon']);
  expect(await values(day(7))).toEqual(['Porto']);
  expect(await values(day(7), receipt.position - 1)).toEqual(expect.arrayContaining(['Lisbon']));
});

test('a retraction ends all it names or nothing, one receipt each', async () => {
  const scope = { user: 'bo' };
  const tea = await learn('bo', 'likes', 'tea', 1);
  const jazz = await learn('bo', 'likes', 'jazz', 2);
  await expect(client.memory.retract({ ...by, scope, memories: [tea, 'm-nothing'] })).rejects.toMatchObject({
    code: 'MEMORY_NOT_FOUND',
  });
  expect(await client.memory.list({ scope })).toHaveLength(2);
  const receipts = await client.memory.delete({ ...by, scope, memories: [tea, jazz], occurredAt: day(9) });
  expect(receipts.map(({ outcome, id }) => [outcome, id])).toEqual([
    ['retracted', tea],
    ['retracted', jazz],
  ]);
  expect(await client.memory.list({ scope })).toEqual([]);
  expect(await client.memory.get({ memory: tea, scope })).toMatchObject({ value: 'tea', validTo: day(9) });
  // Somebody else's memory is none.
  await expect(client.memory.get({ memory: tea, scope: { user: 'ana' } })).rejects.toMatchObject({
    code: 'MEMORY_NOT_FOUND',
  });
});

test('of two corrections at once one comes first and the other goes by it', async () => {
  const scope = { user: 'cy' };
  const memory = await learn('cy', 'lives_in', 'Oslo', 1);
  const results = await Promise.allSettled(
    ['Bergen', 'Tromsø'].map((value) =>
      client.memory.correct({ ...by, scope, memory, value, text: `The user lives in ${value}.`, occurredAt: day(4) }),
    ),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'MEMORY_NOT_FOUND' } });
  expect(await client.memory.list({ scope })).toHaveLength(1);
});

test('a time line has what was said, began and ended, in the order of the world', async () => {
  const scope = { user: 'di' };
  await learn('di', 'lives_in', 'Bern', 1);
  await learn('di', 'lives_in', 'Basel', 10);
  const items = await client.memory.timeline({ scope, from: day(2), to: day(20) });
  expect(items.map(({ kind, time }) => [kind, time])).toEqual([
    ['said', day(10)],
    ['began', day(10)],
    ['ended', day(10)],
  ]);
  expect(await client.memory.timeline({ scope, to: day(2) })).toHaveLength(2);
});

test('names that users of other memories know do the same', async () => {
  const added = await client.memory.add(
    [{ speaker: 'user', text: 'I keep bees.' }],
    { user: 'ed' },
    { idempotencyKey: 'k' },
  );
  expect(added).toMatchObject([{ outcome: 'stored' }]);
  const [found] = (await client.memory.recall({ query: 'bees', scope: { user: 'ed' } })).items;
  expect(found?.text).toBe('I keep bees.');
  expect((await client.memory.search({ query: 'bees', scope: { user: 'ed' } })).items[0]?.id).toBe(found?.id);
});
