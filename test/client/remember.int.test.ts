import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HoldfastClient, SaidMessage } from '../../client/index.ts';
import { createClient } from '../../client/index.ts';
import { forgetUser } from '../../client/forget-user.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { collect } from '../eventstore/shapes.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
let client: HoldfastClient;
const keyWrapper = localKeyWrapper(testMasterKey);

beforeAll(async () => {
  client = await open();
});
afterAll(() => client.close());

function open(): Promise<HoldfastClient> {
  return createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    tenant: 'acme',
    keyWrapper,
    embedder: createHashEmbedder(),
  });
}

const at = (day: number): Date => new Date(Date.UTC(2024, 4, day, 12));
const talk: readonly SaidMessage[] = [
  { speaker: 'user', text: 'I keep bees on the roof.', at: at(1), session: 's1' },
  { speaker: 'assistant', text: 'How many hives are there?', at: at(1), session: 's1' },
  { speaker: 'user', text: 'Three hives, and a fourth is coming.', at: at(2), session: 's2' },
  { speaker: 'Ines', text: 'My sister plays the cello.', at: at(3), session: 's3' },
];

async function find(query: string, user: string, from = client): Promise<string[]> {
  const { items } = await from.memory.search({ query, scope: { user } });
  return items.filter(({ rejected }) => rejected === null).map(({ text }) => text);
}

test('what was said is recalled at once, message by message, with its time and session', async () => {
  const receipts = await client.memory.remember(talk, { user: 'ana' }, { idempotencyKey: 'k1' });
  expect(receipts.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'stored', 'stored']);
  expect(new Set(receipts.map(({ id }) => id)).size).toBe(4);
  const { items, degraded } = await client.memory.search({ query: 'Who plays the cello?', scope: { user: 'ana' } });
  expect(degraded).toEqual([]);
  expect(items[0]).toMatchObject({
    id: receipts[3]?.id,
    text: 'Ines: My sister plays the cello.',
    thread: 's3',
    saidAt: at(3),
  });
  expect((await find('how many hives', 'ana')).slice(0, 3)).toEqual(
    expect.arrayContaining([talk[1]?.text, talk[2]?.text]),
  );
  expect(await find('cello', 'an')).toEqual([]);
});

test('a reply belongs to the round of its message', async () => {
  const events = await collect(database.store.readLog('acme'));
  expect(events.map(({ data }) => data)).toMatchObject([
    { thread: 's1', message: { text: talk[0]?.text }, reply: { text: talk[1]?.text }, occurredAt: at(1).toISOString() },
    { thread: 's2', message: { text: talk[2]?.text }, reply: null },
    { thread: 's3', message: { speaker: 'Ines' }, reply: null },
  ]);
});

test('the same call again does nothing and gives the same receipt; the same key for other messages is refused', async () => {
  const before = (await collect(database.store.readLog('acme'))).length;
  const again = await client.memory.remember(talk, { user: 'ana' }, { idempotencyKey: 'k1' });
  expect(again.map(({ outcome }) => outcome)).toEqual(['known', 'known', 'known', 'known']);
  const other = [{ speaker: 'user', text: 'Something else.', at: at(1) }];
  await expect(client.memory.remember(other, { user: 'ana' }, { idempotencyKey: 'k1' })).rejects.toMatchObject({
    code: 'MESSAGES_DIFFER',
  });
  expect((await collect(database.store.readLog('acme'))).length).toBe(before);
});

test('a large import that died is repeated and goes on: every message once, with progress', async () => {
  const many = Array.from({ length: 600 }, (_, n): SaidMessage => ({ speaker: 'Kim', text: `Note ${n}.`, at: at(5) }));
  const stopped = new Error('died');
  const dies = client.memory.remember(
    many,
    { user: 'kim' },
    {
      idempotencyKey: 'big',
      onProgress: () => {
        throw stopped;
      },
    },
  );
  await expect(dies).rejects.toBe(stopped);
  const progress: number[] = [];
  const receipts = await client.memory.remember(
    many,
    { user: 'kim' },
    {
      idempotencyKey: 'big',
      onProgress: ({ messages, of }) => progress.push(messages / of),
    },
  );
  expect(progress.map((share) => Math.round(share * 600))).toEqual([250, 500, 600]);
  expect(receipts.map(({ outcome }) => outcome).lastIndexOf('known')).toBe(249);
  const { rows } = await database.admin.query<{ n: number }>(
    `select count(distinct id)::int as n from memory_document where scope_user = 'kim'`,
  );
  expect(rows[0]?.n).toBe(600);
});

test('messages that are none are refused by name', async () => {
  const refused = { code: 'INVALID_MESSAGES' };
  const options = { idempotencyKey: 'bad' };
  await expect(client.memory.remember([{ speaker: '', text: 'x' }], {}, options)).rejects.toMatchObject(refused);
  await expect(
    client.memory.remember([{ speaker: 'a', text: 'x', at: new Date(Number.NaN) }], {}, options),
  ).rejects.toMatchObject(refused);
  await expect(client.memory.remember([], {}, { idempotencyKey: ' ' })).rejects.toMatchObject(refused);
});

test('what a process keeps of a user goes when the user is forgotten, and follows what others write', async () => {
  const other = await open();
  try {
    await client.memory.remember(
      [{ speaker: 'user', text: 'I collect maps of Iceland.', at: at(6) }],
      { user: 'leo' },
      { idempotencyKey: 'a' },
    );
    expect(await find('maps', 'leo', other)).toHaveLength(1);
    await client.memory.remember(
      [{ speaker: 'user', text: 'Old maps smell good.', at: at(7) }],
      { user: 'leo' },
      { idempotencyKey: 'b' },
    );
    expect(await find('maps', 'leo', other)).toHaveLength(2);
    await forgetUser(
      { adminUrl: database.url, tenant: 'acme', keyWrapper },
      { user: 'leo', actor: 'user:leo', reason: 'asked' },
    );
    expect(await find('maps', 'leo', other)).toEqual([]);
    expect((await other.memory.search({ query: 'maps', scope: { user: 'leo' } })).channels).toMatchObject({ words: 0 });
  } finally {
    await other.close();
  }
});

test('the past is read as it was, also by a process that knows what came later', async () => {
  const said = (text: string, key: string) =>
    client.memory.remember([{ speaker: 'user', text, at: at(8) }], { user: 'mia' }, { idempotencyKey: key });
  await said('I row on the lake.', 'a');
  const head = (await collect(database.store.readLog('acme'))).length;
  await said('I row on the river now.', 'b');
  const then = await client.memory.search({ query: 'Where do I row?', scope: { user: 'mia' }, at: head });
  const fresh = await open();
  try {
    const cut = await fresh.memory.search({ query: 'Where do I row?', scope: { user: 'mia' }, at: head });
    expect(then.items.map(({ text, score }) => [text, score.toFixed(3)])).toEqual(
      cut.items.map(({ text, score }) => [text, score.toFixed(3)]),
    );
  } finally {
    await fresh.close();
  }
  expect(then.items.map(({ text }) => text)).toEqual(['I row on the lake.']);
  expect(await find('Where do I row?', 'mia')).toHaveLength(2);
});
