import { WorkflowNotFoundError } from '@temporalio/client';
import { expect, test } from 'vitest';
import { TurnIdTakenError } from '../../client/index.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';
import { payingAgent, payments } from '../client/fixtures/paying-agent.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { holdLogHead } from '../support/hold-log-head.ts';
import { resetWorkflow, workflowOf } from '../support/histories.ts';
import { callsAbout } from '../support/model-calls.ts';
import { countTypes, readLog, readTurnLog, terminals } from '../support/read-log.ts';
import { requestTurn } from '../support/request-turn.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();

async function archived(rig: CrashRig, turn: string): Promise<void> {
  await until(`archive of ${turn}`, async () => rig.client.turns.history(turn).catch(() => undefined));
}

/** Gives a turn whose model call hangs, at the moment it was asked. */
async function hangingTurn(rig: CrashRig, turn: string, timeoutMs: number) {
  await rig.startHere([supportAgent]);
  const asked = Promise.withResolvers<null>();
  rig.script(() => {
    asked.resolve(null);
    return { kind: 'hang' };
  });
  const request = { turn, thread: turn, message: 'Hello from the first', agent: 'support' };
  const answer = rig.client.turns.send(request, { timeoutMs });
  await asked.promise;
  rig.script(undefined);
  return { request, answer };
}

test('terminated when nobody looks: the next turn closes it and is answered', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const { request, answer } = await hangingTurn(rig, 'terminated', 1_000);
  expect(await answer).toMatchObject({ status: 'running' });
  await workflowOf(rig, request.turn).terminate('by a person in the UI');
  expect(await rig.client.turns.get(request.turn)).toMatchObject({ status: 'running' });

  const next = await rig.client.turns.send({ ...request, turn: 'after-terminated', message: 'Hello again' });
  expect(next).toMatchObject({ status: 'completed' });
  expect(await rig.client.turns.get(request.turn)).toMatchObject({
    status: 'aborted',
    code: 'temporal:terminate',
    steps: 0,
  });
  expect(terminals(await readTurnLog(database.admin, request.turn))).toHaveLength(1);
});

test('terminated while its sender waits: the sender is told at once', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const { request, answer } = await hangingTurn(rig, 'terminated-waiting', 30_000);
  const terminatedAt = performance.now();
  await workflowOf(rig, request.turn).terminate('by a person in the UI');
  expect(await answer).toMatchObject({ status: 'aborted', code: 'temporal:terminate' });
  expect(performance.now() - terminatedAt).toBeLessThan(10_000);
});

test('terminated, then sent again: the sender is told, nothing runs twice', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const { request, answer } = await hangingTurn(rig, 'terminated-again', 1_000);
  await answer;
  await workflowOf(rig, request.turn).terminate('by a person in the UI');
  expect(await rig.client.turns.send(request)).toMatchObject({ status: 'aborted', code: 'temporal:terminate' });
  expect(callsAbout(rig.model, request.message).steps).toBe(1);
});

test('terminated while the last step commits: the step stands, the thread goes on', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([supportAgent]);
  const warmUp = { turn: 'terminated-warm-up', thread: 'terminated-commit', message: 'hello', agent: 'support' };
  await rig.client.turns.send(warmUp);
  await archived(rig, warmUp.turn);
  const turn = { ...warmUp, turn: 'terminated-in-commit', message: 'I live in Lisbon.' };
  await requestTurn(database.store, turn);
  const head = await holdLogHead(database.admin);
  onTestFinished(() => head.release());
  const answer = rig.client.turns.send(turn);
  await head.blocked(1);
  await workflowOf(rig, turn.turn).terminate('by a person in the UI');
  await head.release();
  expect(await answer).toMatchObject({ status: 'completed', steps: 1 });
  const next = await rig.client.turns.send({ ...warmUp, turn: 'after-in-commit', message: 'Where do I live?' });
  expect(next.status).toBe('completed');
  expect(terminals(await readTurnLog(database.admin, turn.turn)).map(({ type }) => type)).toEqual(['TurnCompleted']);
});

test('reset after completion: every effect is found in the log, none happens twice', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([supportAgent]);
  const turn = 'reset';
  const message = 'Please remember that I live in Porto. Where is my order A-1001?';
  const before = await rig.client.turns.send({ turn, thread: turn, user: 'ana', message, agent: 'support' });
  await archived(rig, turn);
  const events = await readTurnLog(database.admin, turn);
  const requests = rig.model.requests();
  const runId = await resetWorkflow(rig, turn);
  await until('a new run has ended', async () => {
    const now = await workflowOf(rig, turn).describe();
    return now.runId !== runId && now.status.name === 'COMPLETED' ? true : undefined;
  });
  expect(await readTurnLog(database.admin, turn)).toEqual(events);
  expect(rig.model.requests()).toBe(requests);
  expect(await rig.client.turns.get(turn)).toEqual(before);
});

test('a turn whose start was lost is started by the next turn of its thread, in order', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([supportAgent]);
  const thread = 'lost-start';
  await requestTurn(database.store, { turn: 'lost', thread, message: 'I live in Lisbon.', agent: 'support' });
  const second = await rig.client.turns.send({ turn: 'found', thread, message: 'Where do I live?', agent: 'support' });
  expect(second.status).toBe('completed');
  const first = await rig.client.turns.get('lost');
  expect(first.status).toBe('completed');
  const ends = (await readLog(database.admin)).filter(({ type }) => type === 'TurnCompleted');
  const order = ends.map(({ data }) => data['turn']).filter((turn) => turn === 'lost' || turn === 'found');
  expect(order).toEqual(['lost', 'found']);
});

test('a turn whose start was lost is started by sending it again', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([supportAgent]);
  const turn = { turn: 'lost-again', thread: 'lost-again', message: 'I live in Lisbon.', agent: 'support' };
  await requestTurn(database.store, turn);
  expect(await rig.client.turns.send(turn)).toMatchObject({ status: 'completed', message: turn.message });
});

test('one turn id sent by four clients at once, and again later: one turn, one reply', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([supportAgent]);
  const request = { turn: 'twice', thread: 'twice', message: 'I live in Lisbon.', agent: 'support' };
  const other = await rig.anotherClient();
  const results = await Promise.all([rig.client, other, rig.client, other].map((client) => client.turns.send(request)));
  await archived(rig, request.turn);
  results.push(await other.turns.send(request), await rig.client.turns.send(request));
  for (const result of results) expect(result).toEqual(results[0]);
  expect(results[0]).toMatchObject({ status: 'completed' });
  expect(callsAbout(rig.model, request.message)).toEqual({ steps: 1, extractions: 1 });
  expect(countTypes(await readTurnLog(database.admin, request.turn))).toMatchObject({
    TurnRequested: 1,
    StepCompleted: 1,
    TurnCompleted: 1,
  });
});

test('one turn id sent again when Temporal has forgotten the turn: the log answers', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([payingAgent]);
  payments.length = 0;
  const message = 'Use the tool pay with {"amount": 80, "note": "once"}';
  const request = { turn: 'retained', thread: 'retained', message, agent: 'paying' };
  const asked = await rig.client.turns.send(request);
  const [approval = ''] = asked.waitingFor;
  await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
  const first = await rig.client.turns.result(request.turn);
  expect(first).toMatchObject({ status: 'completed' });
  expect(payments).toHaveLength(1);
  await archived(rig, request.turn);
  const before = await readTurnLog(database.admin, request.turn);

  // As at the end of its retention.
  const { workflowId } = workflowOf(rig, request.turn);
  await until(
    'Temporal has forgotten it',
    async () => {
      // Asked for again: what is still being closed is not deleted yet.
      await rig.temporal.workflowService
        .deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId } })
        .catch(() => undefined);
      return workflowOf(rig, request.turn)
        .describe()
        .then(() => undefined)
        .catch((error: unknown) => (error instanceof WorkflowNotFoundError ? true : undefined));
    },
    { timeoutMs: 60_000, everyMs: 500 },
  );
  const calls = rig.model.requests();
  const again = await (await rig.anotherClient()).turns.send(request);
  expect(again).toEqual(first);
  expect(await rig.client.turns.result(request.turn)).toEqual(first);
  // Nothing was started, asked, paid or written.
  await expect(workflowOf(rig, request.turn).describe()).rejects.toThrow(WorkflowNotFoundError);
  expect(rig.model.requests()).toBe(calls);
  expect(payments).toHaveLength(1);
  expect(await readTurnLog(database.admin, request.turn)).toEqual(before);
});

test('one turn id for two messages: the second is refused and changes nothing', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([supportAgent]);
  const request = { turn: 'taken', thread: 'taken', message: 'I live in Lisbon.', agent: 'support' };
  const first = await rig.client.turns.send(request);
  const refused = rig.client.turns.send({ ...request, message: 'I live in Porto.' });
  await expect(refused).rejects.toThrow(TurnIdTakenError);
  await expect(rig.client.turns.send({ ...request, thread: 'elsewhere' })).rejects.toThrow(TurnIdTakenError);
  await expect(rig.client.turns.send({ ...request, agent: 'somebody-else' })).rejects.toThrow(TurnIdTakenError);
  await expect(rig.client.turns.send({ ...request, user: 'ana' })).rejects.toThrow(TurnIdTakenError);
  expect(await rig.client.turns.get('taken')).toEqual(first);
});
