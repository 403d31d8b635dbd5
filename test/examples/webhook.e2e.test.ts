import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createWebhook } from '../../examples/webhook.ts';
import { payingAgent } from '../client/fixtures/paying-agent.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';

const database = withDatabase();
const rig = withRig(database, [payingAgent]);

test('a delivery that comes five times is one turn', async ({ onTestFinished }) => {
  const server = createWebhook(rig.client, { agent: 'paying' });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const body = JSON.stringify({ id: 'evt_1', customer: 'ana', text: 'Where is my order?' });
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })),
  );
  for (const answer of answers) {
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ turn: 'shop-evt_1' });
  }
  expect(await rig.client.turns.result('shop-evt_1')).toMatchObject({ status: 'completed', user: 'ana' });
  expect(countTypes(await readTurnLog(database.admin, 'shop-evt_1'))).toMatchObject({
    TurnRequested: 1,
    StepCompleted: 1,
  });
});
