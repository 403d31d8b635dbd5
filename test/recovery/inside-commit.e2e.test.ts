import { expect, test, vi } from 'vitest';
import { supportAgent } from '../../examples/support-agent/agent.ts';
import { commands } from '../../memory/keys.ts';
import { requestTurn } from '../support/request-turn.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { callsAbout } from '../support/model-calls.ts';
import { holdLogHead, isBackendAlive } from '../support/hold-log-head.ts';
import type { HeldHead } from '../support/hold-log-head.ts';
import { countTypes, readTurnLog, terminals } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import type { WorkerProcess } from '../support/worker-process.ts';
import type { TurnResult } from '../../client/index.ts';

// Processes that start side by side on a busy machine take their time; what is waited for is always a fact, never a pause.
vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const message =
  'Please remember these five things: 1) I live in Lisbon; 2) my shoe size is 42; 3) I prefer SMS over email; 4) my dog is called Bruno; 5) I am allergic to nuts.';

test('killed while the commit is under way, which then succeeds: the retry finds it', async ({ onTestFinished }) => {
  const turn = 'in-doubt-committed';
  const { rig, worker, head, answer } = await stopInsideCommit(turn, onTestFinished);
  await worker.kill();
  await head.release();
  // Nobody waits for this answer any more; the server commits it all the same.
  await until('the orphaned commit', () => database.store.readCommand('default', commands.step(turn, 1)));
  expect(await factsOf(turn)).toHaveLength(5);
  await rig.startHere([supportAgent]);
  await expectWholeTurn(rig, turn, answer);
  expect(callsAbout(rig.model, message)).toEqual({ steps: 2, extractions: 1 });
});

test('killed while the commit is under way, and the retry commits at the same time: one receipt', async ({
  onTestFinished,
}) => {
  const turn = 'in-doubt-raced';
  const { rig, worker, head, answer } = await stopInsideCommit(turn, onTestFinished);
  await worker.kill();
  await rig.startHere([supportAgent]);
  // The orphan waits first in line, the retry behind it with an answer of its own.
  await head.blocked(2);
  expect(await factsOf(turn)).toHaveLength(0);
  await head.release();
  await expectWholeTurn(rig, turn, answer);
  expect(callsAbout(rig.model, message)).toEqual({ steps: 3, extractions: 1 });
});

test('killed while the commit is under way, and the server loses it: wholly absent, then written once', async ({
  onTestFinished,
}) => {
  const turn = 'in-doubt-lost';
  const { rig, worker, head, pid, answer } = await stopInsideCommit(turn, onTestFinished);
  await worker.kill();
  await database.admin.query('select pg_terminate_backend($1)', [pid]);
  await until('the backend has gone', async () => ((await isBackendAlive(database.admin, pid)) ? undefined : true));
  expect((await readTurnLog(database.admin, turn)).map(({ type }) => type)).toEqual(['TurnRequested']);
  await head.release();
  await rig.startHere([supportAgent]);
  await expectWholeTurn(rig, turn, answer);
  expect(callsAbout(rig.model, message)).toEqual({ steps: 3, extractions: 1 });
});

test('the connection breaks inside the commit while the worker lives: one receipt, one model call', async ({
  onTestFinished,
}) => {
  const turn = 'connection-broken';
  const { rig, head, pid, answer } = await stopInsideCommit(turn, onTestFinished);
  await database.admin.query('select pg_terminate_backend($1)', [pid]);
  await until('the store tries again', async () => ((await head.blocked(1))[0] === pid ? undefined : true));
  await head.release();
  await expectWholeTurn(rig, turn, answer);
  expect(callsAbout(rig.model, message)).toEqual({ steps: 2, extractions: 1 });
});

interface Stopped {
  readonly rig: CrashRig;
  readonly worker: WorkerProcess;
  readonly head: HeldHead;
  /** The backend in which the step's append waits. */
  readonly pid: number;
  readonly answer: Promise<TurnResult>;
}

/** Gives a worker whose first step has answered and whose append was sent, but cannot commit. */
async function stopInsideCommit(turn: string, onTestFinished: (close: () => Promise<void>) => void): Promise<Stopped> {
  const rig = await startRig(database, onTestFinished);
  const worker = await rig.startProcess();
  // Everything else that appends is done before the lock is taken: the agent's configuration and the archive of this turn.
  const warmUp = `warm-up-${turn}`;
  await rig.client.turns.send({ turn: warmUp, thread: warmUp, message: 'hello', agent: 'support' });
  await until('the warm-up is archived', async () => rig.client.turns.history(warmUp).catch(() => undefined));
  const request = { turn, thread: turn, user: turn, message, agent: 'support' };
  await requestTurn(database.store, request);
  const head = await holdLogHead(database.admin);
  onTestFinished(() => head.release());
  // The request stands in the log already, so this send needs no lock and only starts the turn.
  const answer = rig.client.turns.send(request, { timeoutMs: 50_000 });
  const [pid = 0] = await head.blocked(1);
  expect(pid).not.toBe(0);
  return { rig, worker, head, pid, answer };
}

async function factsOf(turn: string): Promise<readonly { readonly command: string }[]> {
  return (await readTurnLog(database.admin, turn)).filter(({ type }) => type === 'FactAsserted');
}

async function expectWholeTurn(rig: CrashRig, turn: string, answer: Promise<TurnResult>): Promise<void> {
  expect(await answer).toMatchObject({ turn, status: 'completed', steps: 2 });
  await until(`extraction of ${turn}`, async () => (await rig.client.turns.explain(turn)).extraction ?? undefined);
  const events = await readTurnLog(database.admin, turn);
  expect(terminals(events)).toHaveLength(1);
  expect((await factsOf(turn)).map(({ command }) => command)).toEqual(Array(5).fill(commands.step(turn, 1)));
  expect(countTypes(events)).toMatchObject({ StepCompleted: 2, RoundRecorded: 1, ExtractionCompleted: 1 });
}
