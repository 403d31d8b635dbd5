import { expect, test, vi } from 'vitest';
import { assertFacts } from '../support/assert-facts.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

vi.setConfig({ testTimeout: 60_000 });

const database = withDatabase();
const worker = withWorker(database, { agents: [], overrides: { consolidate: { everyMs: 1_000 } } });

test('the schedule runs once over each user of whom something was learnt, and again only when there is more', async () => {
  const learn = (user: string, value: string): Promise<unknown> =>
    assertFacts(database.store, {
      scope: { user },
      facts: [{ fact: `${user}-${value}`, value, text: `The user likes ${value}.` }],
    });
  await learn('ana', 'tea');
  await learn('bo', 'jazz');
  const runsOf = async (user: string): Promise<number> => (await worker.client.memory.consolidations({ user })).length;
  const ran = (user: string, times: number): Promise<true> =>
    until(`${times} runs for ${user}`, async () => ((await runsOf(user)) >= times ? true : null), {
      timeoutMs: 30_000,
    });
  await Promise.all([ran('ana', 1), ran('bo', 1)]);
  await learn('ana', 'art');
  await ran('ana', 2);
  // More rounds of the schedule have nothing to do.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect({ ana: await runsOf('ana'), bo: await runsOf('bo'), cho: await runsOf('cho') }).toEqual({
    ana: 2,
    bo: 1,
    cho: 0,
  });
  expect((await worker.client.memory.consolidations({ user: 'bo' }))[0]).toMatchObject({ outcome: 'done' });
});
