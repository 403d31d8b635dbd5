import { expect, test } from 'vitest';
import { supportAgent } from '../../examples/support-agent/agent.ts';
import { sweepScheduleId } from '../../worker/keep-sweeping.ts';
import { agentTurnWorkflow, sweepWorkflow, turnWorkflowId } from '../../workflows/messages.ts';
import { payingAgent, payments } from '../client/fixtures/paying-agent.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { workflowOf } from '../support/histories.ts';
import { callsAbout } from '../support/model-calls.ts';
import { startPrivateTemporal } from '../support/private-temporal.ts';
import { countTypes, readTurnLog, terminals } from '../support/read-log.ts';
import { requestTurn } from '../support/request-turn.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const agents = [supportAgent, payingAgent];

/** A rig whose worker looks at everything, however young, and sweeps when it is told to. */
async function startSwept(onFinished: Parameters<typeof startRig>[1]): Promise<CrashRig> {
  const rig = await startRig(database, onFinished);
  await rig.startHere(agents, { sweep: { everyMs: null, graceMs: 0 } });
  return rig;
}

/** One round, as the schedule starts it. */
function sweepNow(rig: CrashRig): Promise<unknown> {
  return rig.temporal.workflow.execute(sweepWorkflow, {
    taskQueue: rig.taskQueue,
    workflowId: `sweep/${rig.taskQueue}/${crypto.randomUUID()}`,
  });
}

const ended = (rig: CrashRig, turn: string) =>
  until(`the end of ${turn}`, async () => {
    const result = await rig.client.turns.get(turn);
    return result.status === 'running' ? undefined : result;
  });

test('a turn that was requested and never started is started, once', async ({ onTestFinished }) => {
  const rig = await startSwept(onTestFinished);
  const turn = 'never-started';
  await requestTurn(database.store, { turn, thread: turn, message: 'I live in Lisbon.', agent: 'support' });
  expect(await sweepNow(rig)).toMatchObject({ looked: 1, started: 1, closed: 0, failed: 0 });
  expect(await ended(rig, turn)).toMatchObject({ status: 'completed', steps: 1 });
  expect(await sweepNow(rig)).toMatchObject({ looked: 0, started: 0 });
  expect(callsAbout(rig.model, 'I live in Lisbon.').steps).toBe(1);
  expect(terminals(await readTurnLog(database.admin, turn))).toHaveLength(1);
});

test('what is younger than the grace period is left alone', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere(agents, { sweep: { everyMs: null, graceMs: 60_000 } });
  const turn = 'young';
  await requestTurn(database.store, { turn, thread: turn, message: 'I am new.', agent: 'support' });
  expect(await sweepNow(rig)).toMatchObject({ looked: 0, started: 0 });
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'running', steps: 0 });
  // Its sender comes back.
  const sent = await rig.client.turns.send({ turn, thread: turn, message: 'I am new.', agent: 'support' });
  expect(sent.status).toBe('completed');
});

test('terminated in mid-activity: closed as aborted; the late step changes nothing', async ({ onTestFinished }) => {
  const rig = await startSwept(onTestFinished);
  const turn = 'terminated-swept';
  const asked = Promise.withResolvers<null>();
  rig.script(() => {
    asked.resolve(null);
    return { kind: 'hang' };
  });
  const request = { turn, thread: turn, message: 'Hello', agent: 'support' };
  expect(await rig.client.turns.send(request, { timeoutMs: 500 })).toMatchObject({ status: 'running' });
  await asked.promise;
  rig.script(undefined);
  await workflowOf(rig, turn).terminate('by a person in the UI');
  expect(await sweepNow(rig)).toMatchObject({ closed: 1, started: 0, failed: 0 });
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'aborted', code: 'temporal:terminate' });
  expect(await sweepNow(rig)).toMatchObject({ looked: 0, closed: 0 });
  expect(terminals(await readTurnLog(database.admin, turn))).toHaveLength(1);
  const next = await rig.client.turns.send({ ...request, turn: 'after-swept', message: 'Hello again' });
  expect(next.status).toBe('completed');
});

test('a workflow that ran out of its time: the turn is closed as failed', async ({ onTestFinished }) => {
  const rig = await startSwept(onTestFinished);
  const turn = 'timed-out';
  const { tenant } = rig.client;
  rig.script(() => ({ kind: 'hang' }));
  await requestTurn(database.store, { turn, thread: turn, message: 'Hello', agent: 'support' });
  const handle = await rig.temporal.workflow.start(agentTurnWorkflow, {
    taskQueue: rig.taskQueue,
    workflowId: turnWorkflowId({ taskQueue: rig.taskQueue, tenant, branch: 'main', turn }),
    workflowExecutionTimeout: '1s',
    args: [
      {
        tenant,
        thread: turn,
        branch: 'main',
        turn,
        agent: 'support',
        timeouts: { stepMs: 60_000, heartbeatMs: 1_500 },
      },
    ],
  });
  await expect(handle.result()).rejects.toThrow();
  rig.script(undefined);
  expect(await sweepNow(rig)).toMatchObject({ closed: 1, failed: 0 });
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'failed', code: 'WORKFLOW_TIMED_OUT' });
});

test('a decision that the turn was not told is told', async ({ onTestFinished }) => {
  payments.length = 0;
  const rig = await startSwept(onTestFinished);
  const turn = 'not-told';
  const message = 'Use the tool pay with {"amount": 80, "note": "x"}';
  const waiting = await rig.client.turns.send({ turn, thread: turn, message, agent: 'paying' });
  expect(waiting.status).toBe('waiting');
  expect(await sweepNow(rig)).toMatchObject({ looked: 1, told: 0 });
  const [approval = ''] = waiting.waitingFor;
  const stream = `approval/${approval}`;
  // What a process leaves behind that dies between the decision and the signal.
  await database.store.append('default', {
    id: `${stream}/approve/mia`,
    streams: [{ name: stream, expectedVersion: 'some', seal: true }],
    events: [
      {
        type: 'ApprovalDecided',
        stream,
        data: {
          ...{ thread: turn, branch: 'main', turn, approval, decision: 'approve', actor: 'mia' },
          ...{ reason: null, arguments: null, message: null, timedOut: false },
        },
      },
    ],
  });
  // Sooner than the turn would look by itself.
  expect(await sweepNow(rig)).toMatchObject({ told: 1, failed: 0 });
  expect(await ended(rig, turn)).toMatchObject({ status: 'completed' });
  expect(payments).toHaveLength(1);
});

test(
  'a Temporal that lost everything: open turns go on from the log, nothing is done twice',
  { timeout: 90_000 },
  async () => {
    payments.length = 0;
    await using temporal = await startPrivateTemporal();
    const closers: (() => Promise<void>)[] = [];
    try {
      const rig = await startRig(database, (close) => closers.push(close), { temporalAddress: temporal.address });
      await rig.startHere(agents, { sweep: { everyMs: 1_000, graceMs: 0 } });
      const schedule = rig.temporal.schedule.getHandle(sweepScheduleId(rig.taskQueue));

      const message = 'Use the tool pay with {"amount": 7, "note": "wiped"}';
      const waiting = await rig.client.turns.send({ turn: 'wiped', thread: 'wiped', message, agent: 'paying' });
      expect(waiting.status).toBe('waiting');
      const queued = { turn: 'wiped-next', thread: 'wiped', message: 'And hello', agent: 'paying' };
      expect(await rig.client.turns.send(queued, { timeoutMs: 500 })).toMatchObject({ status: 'running' });
      // Answered, and lost before anything was extracted from it.
      rig.script((request) =>
        JSON.stringify(request.body).includes('response_format') ? { kind: 'status', status: 503 } : undefined,
      );
      const home = { turn: 'wiped-home', thread: 'home', message: 'I live in Oslo.', user: 'ole', agent: 'support' };
      expect(await rig.client.turns.send(home)).toMatchObject({ status: 'completed' });
      await temporal.kill();
      await temporal.wipe();
      rig.script(undefined);
      await temporal.start();
      // The worker goes on with the new server: it makes the schedule again, and the schedule has the turns started.
      const running = (turn: string) =>
        until(
          `the workflow of ${turn}`,
          async () =>
            (
              await workflowOf(rig, turn)
                .describe()
                .catch(() => undefined)
            )?.runId,
          {
            timeoutMs: 60_000,
            everyMs: 250,
          },
        );
      await running('wiped');
      await running('wiped-next');
      expect((await schedule.describe()).policies.overlap).toBe('SKIP');
      const [approval = ''] = waiting.waitingFor;
      await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
      expect(await ended(rig, 'wiped')).toMatchObject({ status: 'completed', steps: 2 });
      expect(await ended(rig, 'wiped-next')).toMatchObject({ status: 'completed' });
      expect(payments).toEqual([{ amount: 7, note: 'wiped' }]);
      const extraction = await until(
        'what was said before is extracted',
        async () => (await rig.client.turns.explain('wiped-home')).extraction,
        { timeoutMs: 60_000 },
      );
      expect(extraction).toMatchObject({ status: 'completed', outcomes: [{ outcome: 'stored' }] });
      expect(countTypes(await readTurnLog(database.admin, 'wiped'))).toMatchObject({
        StepCompleted: 2,
        ApprovalRequested: 1,
        ToolCompleted: 1,
        TurnCompleted: 1,
      });
    } finally {
      for (const close of closers.reverse()) await close();
    }
  },
);

test('any number of workers make one schedule, and the last one says how often', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const schedule = rig.temporal.schedule.getHandle(sweepScheduleId(rig.taskQueue));
  onTestFinished(() => schedule.delete());
  await rig.startHere(agents, { sweep: { everyMs: 3_600_000 } });
  await rig.startHere(agents, { sweep: { everyMs: 3_600_000 } });
  await rig.startHere(agents, { sweep: { everyMs: 1_800_000 } });
  const every = () => schedule.describe().then(({ spec }) => spec.intervals?.[0]?.every);
  await until('the schedule', async () => ((await every().catch(() => null)) === 1_800_000 ? true : undefined), {
    everyMs: 250,
  });
  const { action, policies } = await schedule.describe();
  expect(action).toMatchObject({ workflowType: 'sweep', taskQueue: rig.taskQueue, args: [] });
  expect(policies.overlap).toBe('SKIP');
});
