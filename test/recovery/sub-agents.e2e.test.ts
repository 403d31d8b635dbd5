import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startRig } from '../support/crash-rig.ts';
import { callsAbout } from '../support/model-calls.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { castOf, helper, planner } from '../workflows/fixtures/asking-agents.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, '..', 'workflows', 'fixtures', 'asking-agents.ts');

const cast = castOf({
  'Plan it': { call: { name: 'ask_helper', arguments: { message: 'Help me' } }, then: 'Planned.' },
  'Help me': { then: 'Helped.' },
  'Publish it': { call: { name: 'ask_helper', arguments: { message: 'Publish the news' } }, then: 'Planned.' },
  'Publish the news': { call: { name: 'publish', arguments: { text: 'news' } }, then: 'It is out.' },
});

test.concurrent(
  'killed between the request of a child and its start: asked once, answered once',
  async ({ onTestFinished }) => {
    const rig = await startRig(database, onTestFinished);
    rig.script(cast);
    const turn = 'child-recorded';
    const worker = await rig.startProcess({ failpoint: `child.recorded@${turn}`, configFile });
    const answer = rig.client.turns.send({ turn, thread: turn, message: 'Plan it', agent: 'planner' });
    expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(await rig.client.turns.get(`${turn}+1+0`)).toMatchObject({ status: 'running', steps: 0 });
    await rig.startHere([planner, helper]);
    expect(await answer).toMatchObject({ status: 'completed', reply: 'Planned.', steps: 2 });
    expect(callsAbout(rig.model, 'Help me').steps).toBe(1);
    const events = await readTurnLog(database.admin, turn);
    expect(countTypes(events)).toMatchObject({ StepCompleted: 2, ToolCompleted: 1, TurnCompleted: 1 });
    expect(events.find(({ type }) => type === 'ToolCompleted')?.data).toMatchObject({
      outcome: 'ok',
      result: 'Helped.',
    });
  },
);

test.concurrent('killed while a child waits for a person: both go on where they were', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  rig.script(cast);
  const turn = 'child-waits';
  const worker = await rig.startProcess({ configFile });
  const waiting = await rig.client.turns.send({ turn, thread: turn, message: 'Publish it', agent: 'planner' });
  expect(waiting).toMatchObject({ status: 'waiting', waitingFor: [`${turn}+1+0.1.0`] });
  await worker.kill();
  await rig.client.approvals.decide({ approval: `${turn}+1+0.1.0`, decision: 'approve', actor: 'mia' });
  await rig.startHere([planner, helper]);
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed', reply: 'Planned.' });
  expect(callsAbout(rig.model, 'Publish the news').steps).toBe(2);
  const events = await readTurnLog(database.admin, turn);
  expect(events.find(({ type }) => type === 'ToolCompleted')?.data).toMatchObject({
    outcome: 'ok',
    result: 'It is out.',
  });
});
