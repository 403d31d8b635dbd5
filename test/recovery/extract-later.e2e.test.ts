import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import type { ExtractTrigger } from '../../agents/index.ts';
import type { Boundary } from '../../activities/deps.ts';
import { forgetUser } from '../../client/forget-user.ts';
import { extractionWorkflowId, extractThreadWorkflow } from '../../workflows/messages.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { testKeyWrapper } from '../support/test-schema.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { idler } from './fixtures.config.ts';

vi.setConfig({ testTimeout: 240_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');
const listener = (extract: ExtractTrigger) =>
  defineAgent({ name: 'listener', instructions: 'You listen.', memory: { tools: false, extract } });
const said = ['I live in Lisbon.', 'I like tea.', 'My dog is called Bruno.'];

/** Sends messages of a user, one turn each. */
async function say(rig: CrashRig, user: string, messages: readonly string[], agent = 'listener'): Promise<string[]> {
  const turns: string[] = [];
  for (const message of messages) {
    const turn = `${user}-${crypto.randomUUID().slice(0, 8)}`;
    await rig.client.turns.send({ thread: `t-${user}`, user, agent, message, turn });
    turns.push(turn);
  }
  return turns;
}

const endOf = async (rig: CrashRig, turn: string) =>
  (await rig.client.memory.awaitingExtraction()).find((row) => row.turn === turn)?.position ?? 0;
const waiting = async (rig: CrashRig, user: string) =>
  (await rig.client.memory.awaitingExtraction({ thread: `t-${user}` })).map(({ turn }) => turn);

async function readOnce(turns: readonly string[]): Promise<void> {
  for (const turn of turns)
    expect(countTypes(await readTurnLog(database.admin, turn))).toMatchObject({ ExtractionCompleted: 1 });
}
const read = (rig: CrashRig, user: string) =>
  until(`nothing of ${user} waits`, async () => (await waiting(rig, user)).length === 0 || undefined, {
    timeoutMs: 90_000,
  });

test('turns wait in the log until they are asked for, and are then read once, in order', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([listener('manual')]);
  const turns = await say(rig, 'ana', said.slice(0, 2));
  expect(await waiting(rig, 'ana')).toEqual(turns);
  const [one, two] = await Promise.all([1, 2].map(() => rig.client.memory.extract({ thread: 't-ana' })));
  expect(one?.map(({ turn, status }) => [turn, status])).toEqual(turns.map((turn) => [turn, 'completed']));
  expect(two).toEqual(one);
  expect(one?.[0]?.outcomes).toMatchObject([{ outcome: 'stored' }]);
  expect(await rig.client.memory.extract({ thread: 't-ana' })).toEqual([]);
  await readOnce(turns);
  await expect(rig.client.memory.extract({ thread: 'none' })).rejects.toMatchObject({ code: 'THREAD_NOT_FOUND' });
});

test('those that were given up do not hide the ones behind them, and of a forgotten user nothing waits', async ({
  onTestFinished,
}) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([listener('manual')]);
  const turns = await say(rig, 'flo', said.slice(0, 2));
  const { taskQueue } = rig;
  const ref = { tenant: 'default', thread: 't-flo', branch: 'main' };
  const run = await rig.temporal.workflow.start(extractThreadWorkflow, {
    ...{ taskQueue, workflowId: extractionWorkflowId({ taskQueue, ...ref, all: true }) },
    args: [
      { ...ref, all: true, after: await endOf(rig, turns[0] ?? ''), timeouts: { stepMs: 10_000, heartbeatMs: 5_000 } },
    ],
  });
  expect(await run.result()).toEqual({ read: 1 });
  expect(await waiting(rig, 'flo')).toEqual(turns.slice(0, 1));
  const place = { adminUrl: database.url, tenant: 'default', keyWrapper: testKeyWrapper };
  await forgetUser(place, { user: 'flo', actor: 'test', reason: 'asked' });
  expect(await rig.client.memory.extract({ thread: 't-flo' })).toMatchObject([
    { turn: turns[0], status: 'failed', detail: expect.stringMatching(/^SUBJECT_FORGOTTEN/) as string },
  ]);
  expect(await waiting(rig, 'flo')).toEqual([]);
});

test('they are read once enough of them wait, and a fork waits by itself', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([listener({ everyTurns: 2 })]);
  const first = await say(rig, 'bo', said.slice(0, 1));
  const [{ position } = { position: 0 }] = await rig.client.memory.awaitingExtraction({ thread: 't-bo' });
  await rig.client.checkpoints.fork({ thread: 't-bo', at: { position }, name: 'other' });
  await rig.client.turns.send({
    thread: 't-bo',
    branch: 'other',
    user: 'bo',
    agent: 'listener',
    message: 'I like tea.',
    turn: 'bo-fork',
  });
  // One on each branch: none is due.
  expect(await waiting(rig, 'bo')).toEqual([...first, 'bo-fork']);
  const more = await say(rig, 'bo', ['My dog is called Bruno.']);
  await until('both are read', async () => (await waiting(rig, 'bo')).length === 1 || undefined, { timeoutMs: 60_000 });
  expect(await waiting(rig, 'bo')).toEqual(['bo-fork']);
  await readOnce([...first, ...more]);
  expect(await rig.client.memory.extract({ thread: 't-bo', branch: 'other' })).toMatchObject([{ turn: 'bo-fork' }]);
});

test('a deploy that changes when they are read loses none', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const before = await rig.startHere([listener('manual')]);
  const turns = await say(rig, 'cy', said);
  await before.stop();
  // Nobody sends anything to this thread again: the sweeper finds what waits.
  await rig.startHere([listener({ afterIdleMs: 200 })], { sweep: { everyMs: 1_000, graceMs: 100 } });
  await read(rig, 'cy');
  await readOnce(turns);
});

test('a timer that was lost with its server is set again', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const slow = await rig.startHere([listener({ afterIdleMs: 3_600_000 })]);
  const turns = await say(rig, 'di', said.slice(0, 1));
  const { taskQueue } = rig;
  const workflowId = extractionWorkflowId({ taskQueue, tenant: 'default', thread: 't-di', branch: 'main' });
  const handle = rig.temporal.workflow.getHandle(workflowId);
  await until(
    'the timer is set',
    async () => (await handle.describe().catch(() => undefined)) !== undefined || undefined,
  );
  await handle.terminate('lost');
  expect(await waiting(rig, 'di')).toEqual(turns);
  await slow.stop();
  await rig.startHere([listener({ afterIdleMs: 200 })], { sweep: { everyMs: 1_000, graceMs: 100 } });
  await read(rig, 'di');
  await readOnce(turns);
});

test('a pause that began on one version of the code ends on the next', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const versioned = (buildId: string) => ({ versioning: { buildId }, codeVersion: buildId });
  const a = await rig.startHere([listener({ afterIdleMs: 6_000 })], versioned('a'));
  await a.makeCurrent();
  const turns = await say(rig, 'ed', said.slice(0, 1));
  const { taskQueue } = rig;
  const workflowId = extractionWorkflowId({ taskQueue, tenant: 'default', thread: 't-ed', branch: 'main' });
  const handle = rig.temporal.workflow.getHandle(workflowId);
  await until(
    'the timer is set',
    async () => (await handle.describe().catch(() => undefined)) !== undefined || undefined,
  );
  expect(await waiting(rig, 'ed')).toEqual(turns);
  const b = await rig.startHere([listener({ afterIdleMs: 6_000 })], versioned('b'));
  await b.makeCurrent();
  await a.stop();
  await read(rig, 'ed');
  await readOnce(turns);
});

const boundaries: readonly Boundary[] = ['step.committed', 'extraction.model_answered', 'extraction.committed'];

test.concurrent.for(boundaries)(
  'killed at %s, a turn that is read in a pause is read once',
  async (boundary, { onTestFinished }) => {
    const rig = await startRig(database, onTestFinished);
    const turn = `idle-${boundary}`;
    const user = boundary;
    const worker = await rig.startProcess({ failpoint: `${boundary}@${turn}`, configFile });
    const answer = rig.client.turns.send(
      { thread: `t-${user}`, user, agent: 'idler', message: said.join(' '), turn },
      { timeoutMs: 60_000 },
    );
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await rig.startHere([idler]);
    await answer;
    await read(rig, user);
    const log = await readTurnLog(database.admin, turn);
    expect(countTypes(log)).toMatchObject({ TurnCompleted: 1, ExtractionCompleted: 1, FactAsserted: 3 });
    expect(countTypes(log)['ExtractionFailed']).toBeUndefined();
  },
);
