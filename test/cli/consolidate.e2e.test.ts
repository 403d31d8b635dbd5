import { expect, test } from 'vitest';
import { payingAgent } from '../client/fixtures/paying-agent.ts';
import { assertFacts } from '../support/assert-facts.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();
const worker = withWorker(database, { agents: [payingAgent] });
const cli = (...args: string[]) => runCli(args, { env: cliEnvironment(database, worker) });

test('consolidate runs, lists and takes back', async () => {
  const texts = ['The user likes tea.', 'User likes the tea', 'The user likes jazz.'];
  await assertFacts(database.store, {
    scope: { user: 'ana' },
    facts: texts.map((text, n) => ({ fact: `f${n}`, value: n === 2 ? 'jazz' : 'tea', text })),
  });
  const first = await cli('consolidate', '--user', 'ana', '--run', 'r1');
  expect(first).toMatchObject({ code: 0, stdout: 'run r1: 1 merged (3 facts)\n' });
  expect(documentOf(await cli('consolidate', '--list', '--user', 'ana', '--json'))).toMatchObject({
    data: [{ run: 'r1', counts: { merged: 1 }, undone: null }],
  });
  const undone = await cli('consolidate', '--undo', 'r1', '--actor', 'user:mia');
  expect(undone.stdout).toBe('run r1 was undone: 1 restored, 0 withdrawn, 0 left\n');
  expect((await cli('consolidate', '--list', '--user', 'ana')).stdout).toContain('undone');
  expect((await cli('consolidate', '--undo', 'r2')).code).toBe(3);
  expect((await cli('consolidate', '--undo', 'r1', '--list')).code).toBe(2);
});
