import { expect, test } from 'vitest';
import config, { wonder } from '../../examples/time-travel.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const worker = withWorker(database, { agents: config.agents });

test('the worked example of docs/time-travel.md runs', async () => {
  const { before, after } = await wonder(worker.client);
  expect(before).toContain('7');
  expect(after).not.toContain('7');
  expect(after).toContain('0');
  // The branch that was left has not changed, and nothing of the fork is in its memory.
  const { turns, messages } = await worker.client.threads.state({ thread: 'shop' });
  expect(turns.map(({ turn }) => turn)).toEqual(['lamps']);
  expect(messages.at(-1)?.content).toBe(before);
});
