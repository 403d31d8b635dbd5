import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { TurnNotFoundError } from '../../client/index.ts';
import { sweepWorkflow } from '../../workflows/messages.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { closedHistory, workflowOf } from '../support/histories.ts';
import { startPrivateTemporal } from '../support/private-temporal.ts';
import { countTypes, readTurnLog, terminals } from '../support/read-log.ts';
import { requestTurn } from '../support/request-turn.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { payingAgent, payments } from './fixtures/paying-agent.ts';

/** Resolves when the tool `linger` runs; the tool ends when it is told to stop. */
let lingering = Promise.withResolvers<null>();
let stopped = Promise.withResolvers<null>();

const lingeringAgent = defineAgent({
  name: 'lingering',
  instructions: 'You linger.',
  tools: [
    defineTool({
      name: 'linger',
      description: 'Takes for ever.',
      input: z.object({}),
      timeoutMs: 600_000,
      execute: (_input, { signal }) => {
        lingering.resolve(null);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            stopped.resolve(null);
            reject(new Error('stopped'));
          });
        });
      },
    }),
  ],
  memory: { extract: false },
});

const database = withDatabase();
const rig = withRig(database, [payingAgent, lingeringAgent]);

beforeEach(() => {
  payments.length = 0;
  lingering = Promise.withResolvers<null>();
  stopped = Promise.withResolvers<null>();
});

/** Starts a turn without waiting for its reply. */
async function start(turn: string, message: string, agent: string, thread = turn): Promise<void> {
  await rig.client.turns.send({ turn, thread, message, agent }, { timeoutMs: 0 });
}

const pay = (note: string): string => `Use the tool pay with {"amount": 80, "note": "${note}"}`;

/** Cancels, and checks what must hold wherever a turn was: one tombstone, a closed workflow, a thread that goes on. */
async function cancelAndCheck(turn: string, thread = turn): Promise<void> {
  const outcome = await rig.client.turns.cancel(turn, { actor: 'mia', reason: 'asked twice' });
  expect(outcome).toMatchObject({ applied: true, told: true, turn: { status: 'aborted', code: 'mia' } });
  expect(outcome.turn.detail).toBe('asked twice');
  const again = await rig.client.turns.cancel(turn, { actor: 'mia', reason: 'asked twice' });
  expect(again).toMatchObject({ applied: true, turn: { status: 'aborted' } });
  const other = await rig.client.turns.cancel(turn, { actor: 'tom' });
  expect(other).toMatchObject({ applied: false, turn: { status: 'aborted', code: 'mia' } });
  const next = await rig.client.turns.send({ turn: `${turn}-next`, thread, message: 'Hello', agent: 'paying' });
  expect(next.status).toBe('completed');
  await closedHistory(rig, turn);
  const events = await readTurnLog(database.admin, turn);
  expect(terminals(events).map(({ type }) => type)).toEqual(['TurnAborted']);
  // Nothing of the turn came after its end.
  const late = events.slice(events.findIndex(({ type }) => type === 'TurnAborted') + 1);
  expect(late.map(({ type }) => type).filter((type) => type !== 'HistoryArchived')).toEqual([]);
}

test('in a model call', async () => {
  const asked = Promise.withResolvers<null>();
  rig.script(() => {
    asked.resolve(null);
    return { kind: 'hang' };
  });
  await start('in-model', 'Hello', 'paying');
  await asked.promise;
  rig.script(undefined);
  await cancelAndCheck('in-model');
});

test('in a tool: the tool is told to stop, its end is not recorded', async () => {
  await start('in-tool', 'Use the tool linger with {}', 'lingering');
  await lingering.promise;
  await cancelAndCheck('in-tool');
  await stopped.promise;
  expect(countTypes(await readTurnLog(database.admin, 'in-tool'))).not.toHaveProperty('ToolCompleted');
});

test('queued behind another turn, which goes on', async () => {
  await start('blocking', pay('first'), 'paying', 'queue');
  const { approval } = await until(
    'the approval',
    async () => (await rig.client.approvals.list({ turn: 'blocking' }))[0],
  );
  await start('queued', pay('second'), 'paying', 'queue');
  await until('the queued turn waits', async () => {
    const { raw } = await workflowOf(rig, 'queued').describe();
    return raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'awaitPredecessor')
      ? true
      : undefined;
  });
  await rig.client.turns.cancel('queued', { actor: 'mia' });
  expect(await rig.client.turns.get('blocking')).toMatchObject({ status: 'waiting' });
  await closedHistory(rig, 'queued');
  await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
  expect(await rig.client.turns.result('blocking')).toMatchObject({ status: 'completed' });
  expect(payments).toEqual([{ amount: 80, note: 'first' }]);
  expect(terminals(await readTurnLog(database.admin, 'queued'))).toHaveLength(1);
});

test('waiting for a person: its approvals are closed, for everybody to see', async () => {
  const waiting = await rig.client.turns.send({ turn: 'asking', thread: 'asking', message: pay('x'), agent: 'paying' });
  const [approval = ''] = waiting.waitingFor;
  await cancelAndCheck('asking');
  expect(await rig.client.approvals.list({ turn: 'asking', pending: true })).toEqual([]);
  expect(await rig.client.approvals.get(approval)).toMatchObject({ turnEnded: true, decision: null });
  const late = await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'tom' });
  expect(late).toMatchObject({ applied: false, approval: { turnEnded: true } });
  expect(payments).toEqual([]);
});

test('requested and never started', async () => {
  await requestTurn(database.store, { turn: 'unstarted', thread: 'unstarted', message: 'Hello', agent: 'paying' });
  const outcome = await rig.client.turns.cancel('unstarted', { actor: 'mia' });
  expect(outcome).toMatchObject({ applied: true, told: true, turn: { status: 'aborted' } });
  // Sending it again does not bring it back.
  const again = { turn: 'unstarted', thread: 'unstarted', message: 'Hello', agent: 'paying' };
  expect(await rig.client.turns.send(again)).toMatchObject({ status: 'aborted', code: 'mia' });
});

test('a turn that has ended stays as it ended', async () => {
  await rig.client.turns.send({ turn: 'done', thread: 'done', message: 'Hello', agent: 'paying' });
  const outcome = await rig.client.turns.cancel('done', { actor: 'mia' });
  expect(outcome).toMatchObject({ applied: false, turn: { status: 'completed' } });
  await expect(rig.client.turns.cancel('nothing', { actor: 'mia' })).rejects.toThrow(TurnNotFoundError);
  await expect(rig.client.turns.cancel('done', { actor: ' ' })).rejects.toThrow(/actor/);
});

test('ten people cancel while one approves: one terminal event, and who won is told to all', async () => {
  const waiting = await rig.client.turns.send({ turn: 'fought', thread: 'fought', message: pay('x'), agent: 'paying' });
  const [approval = ''] = waiting.waitingFor;
  const [, ...outcomes] = await Promise.all([
    rig.client.approvals.decide({ approval, decision: 'approve', actor: 'tom' }),
    ...Array.from({ length: 10 }, (_, index) => rig.client.turns.cancel('fought', { actor: `person-${index}` })),
  ]);
  expect(outcomes.filter(({ applied }) => applied)).toHaveLength(1);
  expect(new Set(outcomes.map(({ turn }) => turn.code)).size).toBe(1);
  await closedHistory(rig, 'fought');
  expect(terminals(await readTurnLog(database.admin, 'fought'))).toHaveLength(1);
});

test('while Temporal is down: the tombstone suffices', { timeout: 90_000 }, async () => {
  await using temporal = await startPrivateTemporal();
  const closers: (() => Promise<void>)[] = [];
  try {
    const own: CrashRig = await startRig(database, (close) => closers.push(close), {
      temporalAddress: temporal.address,
    });
    await own.startHere([payingAgent], { sweep: { everyMs: null, graceMs: 0 } });
    const request = { turn: 'downed', thread: 'downed', message: pay('x'), agent: 'paying' };
    const waiting = await own.client.turns.send(request);
    const [approval = ''] = waiting.waitingFor;
    await temporal.kill();
    // Decided and cancelled while nobody can be told.
    await own.client.approvals.decide({ approval, decision: 'approve', actor: 'tom' });
    const outcome = await own.client.turns.cancel('downed', { actor: 'mia', reason: 'no longer needed' });
    expect(outcome).toMatchObject({ applied: true, told: false, turn: { status: 'aborted', code: 'mia' } });
    await temporal.start();
    const next = await until(
      'the thread goes on',
      () => own.client.turns.send({ ...request, turn: 'downed-next', message: 'Hello' }).catch(() => undefined),
      { timeoutMs: 40_000 },
    );
    expect(next).toMatchObject({ status: 'completed' });
    await until('the sweeper ends the workflow', async () => {
      const workflowId = crypto.randomUUID();
      await own.temporal.workflow
        .execute(sweepWorkflow, { taskQueue: own.taskQueue, workflowId })
        .catch(() => undefined);
      return (await workflowOf(own, 'downed').describe()).status.name === 'RUNNING' ? undefined : true;
    });
    expect(payments).toEqual([]);
    expect(terminals(await readTurnLog(database.admin, 'downed')).map(({ type }) => type)).toEqual(['TurnAborted']);
  } finally {
    for (const close of closers.reverse()) await close();
  }
});
