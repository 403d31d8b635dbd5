import { expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import { tablesWith } from '../support/find-text.ts';
import { readLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const memory = { extract: false, tools: false, recallLimit: 0, messageTokens: 600 };
const worker = withWorker(database, {
  agents: [defineAgent({ name: 'listener', instructions: 'You listen.', memory })],
});
const summaries = () => worker.client.threads.summaries({ thread: 'shared' });
const send = (user: string, n: number) =>
  worker.client.turns.send({
    ...{ thread: 'shared', user, agent: 'listener', turn: `${user}-${n}` },
    message: `My locker is number 77${n}-${user}q7z. ${'It is so. '.repeat(8)}`,
  });

test('forgetting a user takes their words out of the summaries of conversations and of sessions', async () => {
  // Bo's words stand in one thread with Ana's, and so in one summary.
  await send('bo', 1);
  for (let n = 1; n <= 12; n += 1) await send('ana', n);
  const [compaction] = await until('a compaction', async () => ((await summaries()).length > 0 ? summaries() : null));
  for (const user of ['ana', 'bo'])
    await worker.client.memory.remember(
      [
        { speaker: 'user', text: `The parcel of ${user}q7z has come.` },
        { speaker: 'user', text: 'It was heavy.' },
      ],
      { user },
      { idempotencyKey: `session of ${user}`, session: `session of ${user}` },
    );
  for (const user of ['ana', 'bo']) await worker.client.memory.consolidate({ scope: { user } });
  const sessions = (user: string) => worker.client.memory.sessions({ scope: { user } });
  const texts = async (user: string) => JSON.stringify([await sessions(user), await summaries()]);
  expect(compaction?.summary).toContain('boq7z');
  expect(await texts('bo')).toMatch(/parcel of boq7z/);

  await worker.client.memory.forget({ user: 'bo', actor: 'test', reason: 'asked' });

  // As it lies in the database, in views and in the log alike.
  expect(await tablesWith(database.admin, 'boq7z')).toEqual([]);
  expect(await texts('bo')).not.toContain('boq7z');
  const log = await readLog(database.admin);
  expect(log.filter(({ type }) => type === 'ContextCompacted' || type === 'SessionSummarised').length).toBeGreaterThan(
    2,
  );
  // Ana's own are what they were.
  expect(await texts('ana')).toMatch(/parcel of anaq7z/);
  const { prompt } = (
    await worker.client.turns
      .send({ thread: 'shared', user: 'ana', agent: 'listener', message: 'And?' })
      .then(({ turn }) => worker.client.turns.explain(turn))
  ).steps[0] ?? { prompt: [] };
  expect(JSON.stringify(prompt)).not.toContain('boq7z');
});
