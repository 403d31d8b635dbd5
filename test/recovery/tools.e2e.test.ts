import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startRig } from '../support/crash-rig.ts';
import { resetWorkflow } from '../support/histories.ts';
import { chatBodies } from '../support/model-calls.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import type { LoggedEvent } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { crashAgents } from './fixtures.config.ts';

// Processes that start side by side on a busy machine take their time; what is waited for is always a fact, never a pause.
vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');

test.concurrent('a tool that is not repeatable, killed after it paid, is not run again', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const worker = await rig.startProcess({ failpoint: 'tool.executed', configFile });
  const turn = 'pay-once';
  const message = 'Use the tool pay_once with {"order": "A-1001"}';
  const answer = rig.client.turns.send({ turn, thread: turn, message, agent: 'cashier' });
  expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
  await rig.startHere(crashAgents(rig.shopUrl));
  expect(await answer).toMatchObject({ status: 'completed', steps: 2 });

  expect(await rig.refunds()).toHaveLength(1);
  const done = (await readTurnLog(database.admin, turn)).filter(({ type }) => type === 'ToolCompleted');
  expect(done).toHaveLength(1);
  expect(done[0]?.data).toMatchObject({ outcome: 'failed', tool: 'pay_once' });
  const seen = chatBodies(rig.model)
    .at(-1)
    ?.messages.findLast(({ role }) => role === 'tool');
  expect(seen?.content).toMatch(/outcome is unknown/);
});

test.concurrent(
  'a tool that is not repeatable, killed after it paid, is not run again by a reset',
  async ({ onTestFinished }) => {
    const rig = await startRig(database, onTestFinished);
    const worker = await rig.startProcess({ failpoint: 'tool.executed', configFile });
    const turn = 'pay-once-reset';
    const message = 'Use the tool pay_once with {"order": "A-1001"}';
    const answer = rig.client.turns.send({ turn, thread: turn, message, agent: 'cashier' });
    await worker.exited;
    await resetWorkflow(rig, turn);
    await rig.startHere(crashAgents(rig.shopUrl));
    await answer;
    expect(await rig.refunds()).toHaveLength(1);
  },
);

test.concurrent('a repeatable tool, killed after it paid, pays once by its effect key', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const worker = await rig.startProcess({ failpoint: 'tool.executed', configFile });
  const turn = 'pay-keyed';
  const message = 'Use the tool pay_keyed with {"order": "A-1001"}';
  const answer = rig.client.turns.send({ turn, thread: turn, message, agent: 'cashier' });
  expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
  expect(await rig.refunds()).toHaveLength(1);
  await rig.startHere(crashAgents(rig.shopUrl));
  expect(await answer).toMatchObject({ status: 'completed', steps: 2 });
  expect(outcomes(await readTurnLog(database.admin, turn))).toEqual(['ok']);
  expect((await rig.refunds()).map(({ idempotencyKey }) => idempotencyKey)).toEqual([
    `default/turn/${turn}/step/1/tool/0`,
  ]);
});

test.concurrent('an approved refund, killed after the shop paid, is paid once', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const turn = 'refund';
  // The order's lookup passes this boundary too, so it is done by a worker that lives.
  const first = await rig.startProcess({ configFile });
  const waiting = await rig.client.turns.send({
    turn,
    thread: turn,
    message: 'Please refund 80 EUR for order A-1001.',
    agent: 'support',
  });
  expect(waiting).toMatchObject({ status: 'waiting' });
  await first.kill();
  const worker = await rig.startProcess({ failpoint: 'tool.executed', configFile });
  const [approval = ''] = waiting.waitingFor;
  await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
  expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
  await rig.startProcess({ configFile });
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed' });
  expect((await rig.refunds()).map(({ amount }) => amount)).toEqual([80]);
  const events = await readTurnLog(database.admin, turn);
  expect(countTypes(events)).toMatchObject({ ApprovalRequested: 1, ApprovalDecided: 1, ToolCompleted: 2 });
  expect(outcomes(events)).toEqual(['ok', 'ok']);
});

test.concurrent('killed while the model answers: asked again, answered once', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const asked = Promise.withResolvers<null>();
  rig.script(() => {
    asked.resolve(null);
    return { kind: 'hang' };
  });
  const worker = await rig.startProcess({ configFile });
  const turn = 'mid-call';
  const answer = rig.client.turns.send({ turn, thread: turn, message: 'Hello there', agent: 'cashier' });
  await asked.promise;
  expect(await worker.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  rig.script(undefined);
  const killedAt = performance.now();
  await rig.startHere(crashAgents(rig.shopUrl));
  expect(await answer).toMatchObject({ status: 'completed', steps: 1 });
  console.log(`recovered from a kill during the model call in ${Math.round(performance.now() - killedAt)} ms`);
  expect(rig.model.requests()).toBe(2);
  // Its history is archived whenever its workflow has closed.
  const { HistoryArchived: _archived, ...counts } = countTypes(await readTurnLog(database.admin, turn));
  expect(counts).toEqual({
    TurnRequested: 1,
    StepCompleted: 1,
    RoundRecorded: 1,
    TurnCompleted: 1,
  });
});

function outcomes(events: readonly LoggedEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'ToolCompleted').map(({ data }) => data['outcome']);
}
