import { expect, test } from 'vitest';
import { payingAgent, payments } from '../client/fixtures/paying-agent.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();
const worker = withWorker(database, { agents: [payingAgent] });
const cli = (...args: string[]) => runCli(args, { env: cliEnvironment(database, worker) });

async function ask(turn: string, thread: string): Promise<void> {
  const message = `Use the tool pay with {"amount": 80, "note": "${turn}"}`;
  await worker.client.turns.send({ turn, thread, message, agent: 'paying' });
}

test('several approvals by one command; what is allowed for a thread is shown and revoked', async () => {
  for (const turn of ['b1', 'b2', 'b3']) await ask(turn, turn);
  const both = await cli('approvals', 'approve', 'b1.1.0', 'b2.1.0', '--remember');
  expect(both.code).toBe(0);
  expect(both.stdout.split('\n').filter((line) => line.includes('approved by ana'))).toHaveLength(2);
  const mixed = await cli('approvals', 'reject', 'b1.1.0', 'b3.1.0', '--json');
  expect(mixed.code).toBe(4);
  expect(documentOf(mixed)).toMatchObject({
    ok: false,
    error: { code: 'ALREADY_DECIDED' },
    data: [
      { approval: 'b1.1.0', applied: false },
      { approval: 'b3.1.0', applied: true },
    ],
  });
  await worker.client.turns.result('b1');
  expect((await cli('threads', 'b1')).stderr).toContain('without asking: pay (ana)');
  expect((await cli('approvals', 'allowed', 'b1')).stdout).toContain('b1.1.0');
  expect(await cli('approvals', 'revoke', 'b1', 'pay')).toMatchObject({
    code: 0,
    stdout: 'pay asks again in thread b1\n',
  });
  expect((await cli('approvals', 'revoke', 'b1', 'pay')).code).toBe(3);
  expect(documentOf(await cli('approvals', 'allowed', '--json'))).toMatchObject({
    data: [{ thread: 'b2', tool: 'pay' }],
  });
  expect(payments.length).toBe(2);
});
