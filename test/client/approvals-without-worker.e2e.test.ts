import { expect, test } from 'vitest';
import { startRig } from '../support/crash-rig.ts';
import { withDatabase } from '../support/with-database.ts';
import { payingAgent, payments } from './fixtures/paying-agent.ts';

const database = withDatabase();

test('decided while no worker runs: the next worker carries it out', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const turn = 'unattended';
  const message = 'Use the tool pay with {"amount": 80, "note": "x"}';
  const first = await rig.startHere([payingAgent]);
  const waiting = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying' });
  expect(waiting.status).toBe('waiting');
  await first.stop();

  const [approval = ''] = waiting.waitingFor;
  const outcome = await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
  expect(outcome.applied).toBe(true);
  expect(payments).toEqual([]);
  await rig.startHere([payingAgent]);
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed' });
  expect(payments).toHaveLength(1);
});

test('decided after the worker was replaced: the wait survived', async ({ onTestFinished }) => {
  payments.length = 0;
  const rig = await startRig(database, onTestFinished);
  const turn = 'replaced';
  const message = 'Use the tool pay with {"amount": 80, "note": "x"}';
  const first = await rig.startHere([payingAgent]);
  const waiting = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying' });
  await first.stop();
  await rig.startHere([payingAgent]);
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'waiting' });
  const [approval = ''] = waiting.waitingFor;
  await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed' });
  expect(payments).toHaveLength(1);
});

test('the deadline passes while no worker runs: the next worker rejects', async ({ onTestFinished }) => {
  payments.length = 0;
  const rig = await startRig(database, onTestFinished);
  const turn = 'unattended-deadline';
  const message = 'Use the tool pay_soon with {"amount": 80, "note": "x"}';
  const first = await rig.startHere([payingAgent]);
  const waiting = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying' });
  await first.stop();
  const [approval = ''] = waiting.waitingFor;
  const { deadline } = await rig.client.approvals.get(approval);
  expect(deadline.getTime() - Date.now()).toBeLessThan(2_500);
  await rig.startHere([payingAgent]);
  const { status } = await rig.client.turns.result(turn);
  expect(['waiting', 'completed']).toContain(status);
  await expect
    .poll(async () => (await rig.client.approvals.get(approval)).decision?.actor, { timeout: 20_000 })
    .toBe('holdfast:deadline');
  expect(payments).toEqual([]);
});
