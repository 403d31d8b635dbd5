import { expect, inject, test } from 'vitest';
import config, { talk } from '../../examples/quick-start.ts';
import { withDatabase } from '../support/with-database.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const worker = withWorker(database, { agents: config.agents });

test('the code of the README runs', async () => {
  const reply = await talk(database.url, inject('servers').temporalAddress, testMasterKey, worker.taskQueue);
  expect(reply).toMatch(/\S/);
  const [turn] = await worker.client.turns.list({ thread: 'ana-1' });
  expect(turn).toMatchObject({ status: 'completed', agent: 'assistant', user: 'ana' });
});

test('its transfer asks above fifty only', async () => {
  const send = (amount: number) =>
    worker.client.turns.send({
      thread: `pay-${amount}`,
      user: 'ana',
      agent: 'assistant',
      message: `use the tool transfer with {"to":"rui","amount":${amount}}`,
    });
  expect((await send(20)).status).toBe('completed');
  const waiting = await send(80);
  expect(waiting.status).toBe('waiting');
  const [approval = ''] = waiting.waitingFor;
  await worker.client.approvals.decide({ approval, decision: 'reject', actor: 'kim', reason: 'too much' });
  expect((await worker.client.turns.result(waiting.turn)).reply).toContain('too much');
});
