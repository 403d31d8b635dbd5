import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Boundary } from '../../activities/deps.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { countTypes, readLog, readTurnLog, terminals } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { crashAgents } from './fixtures.config.ts';

// Processes that start side by side on a busy machine take their time; what is waited for is always a fact, never a pause.
vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');
const remember =
  'Please remember these five things: 1) I live in Lisbon; 2) my shoe size is 42; 3) I prefer SMS over email; 4) my dog is called Bruno; 5) I am allergic to nuts.';
const plain = 'My name is Ana. I live in Lisbon. My shoe size is 42. My dog is called Bruno. I am allergic to nuts.';

interface Case {
  readonly boundary: Boundary;
  readonly message: string;
  /** Command that must hold all five facts. */
  readonly factsBy: string;
  /** Model calls of an undisturbed run. */
  readonly calls: number;
  /** The fault strikes before the commit, so the answer is lost and asked for again. */
  readonly repeatsCall: boolean;
}

const cases: readonly Case[] = [
  { boundary: 'step.model_answered', message: remember, factsBy: 'step/1', calls: 3, repeatsCall: true },
  { boundary: 'step.committed', message: remember, factsBy: 'step/1', calls: 3, repeatsCall: false },
  {
    boundary: 'tool.executed',
    message: `${remember}\n\nWhere is my order A-1001?`,
    factsBy: 'step/1',
    calls: 4,
    repeatsCall: false,
  },
  {
    boundary: 'tool.committed',
    message: `${remember}\n\nWhere is my order A-1001?`,
    factsBy: 'step/1',
    calls: 4,
    repeatsCall: false,
  },
  { boundary: 'extraction.model_answered', message: plain, factsBy: 'extraction', calls: 2, repeatsCall: true },
  { boundary: 'extraction.committed', message: plain, factsBy: 'extraction', calls: 2, repeatsCall: false },
];

// Side by side: most of each test is a process that starts and a heartbeat that fails to come.
test.concurrent.for(cases)('killed at $boundary: each step is there once', async (each, { onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const turn = `turn-${each.boundary}`;
  const worker = await rig.startProcess({ failpoint: `${each.boundary}@${turn}`, configFile });
  const request = { thread: `thread-${each.boundary}`, user: each.boundary, agent: 'shopper', turn };
  const answer = rig.client.turns.send({ ...request, message: each.message }, { timeoutMs: 50_000 });

  // A run whose fault did not land proves nothing.
  expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
  const callsBefore = rig.model.requests();
  const atCrash = await readTurnLog(database.admin, turn);
  await rig.startHere(crashAgents(rig.shopUrl));

  const result = await answer;
  await extracted(rig, turn);
  const recoveredMs = Math.round(performance.now() - (worker.endedAt() ?? 0));
  console.log(`recovered from ${each.boundary} in ${recoveredMs} ms`);

  expect(result).toMatchObject({ turn, message: each.message });
  const events = await readTurnLog(database.admin, turn);
  const { status, reply } = await rig.client.turns.get(turn);
  expect(status).toBe('completed');
  expect(reply).not.toBe('');
  expect(terminals(events).map(({ type }) => type)).toEqual(['TurnCompleted']);
  const asserted = events.filter(({ type }) => type === 'FactAsserted');
  expect(asserted.map(({ command }) => command)).toEqual(Array(5).fill(`turn/${turn}/${each.factsBy}`));
  const steps = events.filter(({ type }) => type === 'StepCompleted').map(({ command }) => command);
  expect(steps).toEqual(Array.from({ length: each.calls - 1 }, (_, index) => `turn/${turn}/step/${String(index + 1)}`));
  expect(countTypes(events)).toMatchObject({ TurnRequested: 1, RoundRecorded: 1, ExtractionCompleted: 1 });

  for (const { type, data } of events) if (type === 'ToolCompleted') expect(data['outcome']).toBe('ok');

  // What had been committed when the power went was kept as it stood.
  expect(events.slice(0, atCrash.length)).toEqual(atCrash);
  const factsAtCrash = atCrash.filter(({ type }) => type === 'FactAsserted').length;
  expect(factsAtCrash).toBe(each.repeatsCall ? 0 : 5);
  expect(rig.model.requests()).toBe(each.calls + (each.repeatsCall ? 1 : 0));
  expect(callsBefore).toBeGreaterThan(0);
  await readLog(database.admin);
});

async function extracted(rig: CrashRig, turn: string): Promise<void> {
  await until(`extraction of ${turn}`, async () => (await rig.client.turns.explain(turn)).extraction ?? undefined, {
    timeoutMs: 40_000,
  });
}
