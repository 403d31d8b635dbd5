import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../client/index.ts';
import type { HoldfastClient, ScrubPolicy } from '../../client/index.ts';
import { collect } from '../eventstore/shapes.ts';
import { testKeyWrapper } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
let client: HoldfastClient;
const open = (scrub?: ScrubPolicy): Promise<HoldfastClient> =>
  createClient({
    database: { url: database.url },
    temporal: { address: '127.0.0.1:1' },
    tenant: 'acme',
    keyWrapper: testKeyWrapper,
    ...(scrub ? { scrub } : {}),
  });

beforeAll(async () => {
  client = await open({ country: 'DE' });
});
afterAll(() => client.close());

const secret = 'My password is hunter2, my card 4111 1111 1111 1111, ring 030 901820.';
const clean = 'My password is [secret], my card [card], ring [phone].';

test('what a client sends is stored without what it scrubs, and a repeat is the same message', async () => {
  const request = { thread: 't', turn: 't1', agent: 'support', user: 'ana', message: secret };
  // No Temporal here: the message stands in the log all the same.
  for (let n = 0; n < 2; n++)
    await expect(client.turns.send(request)).rejects.toMatchObject({ code: 'TEMPORAL_UNAVAILABLE' });
  expect((await client.turns.get('t1')).message).toBe(clean);
  await client.memory.remember([{ speaker: 'user', text: secret }], { user: 'ana' }, { idempotencyKey: 'k' });
  await client.memory.editBlock({
    ...{ scope: { user: 'ana' }, label: 'notes', description: 'notes', value: secret, actor: 'a', reason: 'r' },
  });
  expect((await client.memory.blocks({ scope: { user: 'ana' } })).map(({ value }) => value)).toEqual([clean]);
  const events = JSON.stringify((await collect(database.store.readLog('acme'))).map(({ data }) => data));
  expect(events).toContain('[card]');
  expect(events).not.toMatch(/hunter2|4111 1111|901820/);
  const { items } = await client.memory.search({ query: 'card', scope: { user: 'ana' } });
  expect(items.map(({ text }) => text)).toEqual([clean]);
});

test('a client without a policy stores what it gets', async () => {
  const other = await open();
  try {
    await other.memory.remember([{ speaker: 'user', text: secret }], { user: 'bo' }, { idempotencyKey: 'k' });
    expect((await other.memory.search({ query: 'card', scope: { user: 'bo' } })).items[0]?.text).toBe(secret);
  } finally {
    await other.close();
  }
});

test.each([
  [{ classes: ['emails'] }, 'emails'],
  [{ classes: 'email' }, 'list'],
  [{ country: 'Germany' }, 'two letters'],
  [{ kinds: ['email'] }, 'kinds'],
  [[], 'object'],
])('a policy that cannot work is refused: %j', async (scrub, word) => {
  await expect(open(scrub as never)).rejects.toMatchObject({
    code: 'INVALID_SCRUB_POLICY',
    message: expect.stringContaining(word) as string,
  });
});
