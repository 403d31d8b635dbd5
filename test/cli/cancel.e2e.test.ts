import { expect, test } from 'vitest';
import { payingAgent } from '../client/fixtures/paying-agent.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();
const worker = withWorker(database, { agents: [payingAgent] });
const cli = (...args: string[]) => runCli(args, { env: cliEnvironment(database, worker) });

test('cancel ends a turn that waits, says so, and is refused for one that has ended', async () => {
  const message = 'Use the tool pay with {"amount": 80, "note": "x"}';
  await worker.client.turns.send({ turn: 'c1', thread: 'c1', message, agent: 'paying' });
  const first = await cli('cancel', 'c1', '--reason', 'asked twice');
  expect(first).toMatchObject({ code: 0, stdout: 'turn c1 cancelled by ana: asked twice\n' });
  const again = await cli('cancel', 'c1', '--reason', 'asked twice', '--json');
  expect(documentOf(again)).toMatchObject({
    ok: true,
    data: { applied: true, told: true, turn: { status: 'aborted' } },
  });
  const other = await cli('cancel', 'c1', '--actor', 'tom', '--json');
  expect(other.code).toBe(4);
  expect(documentOf(other)).toMatchObject({ ok: false, error: { code: 'TURN_ENDED' } });
  expect((await cli('cancel', 'c2')).code).toBe(3);
  expect((await cli('approvals', 'ls', '--all')).stdout).toContain('ended');
});
