import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startRig } from '../support/crash-rig.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { crashAgents } from './fixtures.config.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');
const pay = (order: string) => ({ name: 'pay_keyed', arguments: JSON.stringify({ order }) });

test.concurrent('calls made before a crash count towards the limit after it', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  rig.script(() => ({ kind: 'reply', calls: [pay('A-1001'), pay('A-1002')] }));
  const turn = 'limit-crash';
  const worker = await rig.startProcess({ failpoint: 'step.committed', configFile });
  const answer = rig.client.turns.send({ turn, thread: turn, message: 'Pay them', agent: 'limited' });
  expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
  await rig.startHere(crashAgents(rig.shopUrl));
  expect(await answer).toMatchObject({ status: 'failed', code: 'LIMIT_TOOL_CALLS', steps: 2 });
  expect(await rig.refunds()).toHaveLength(2);
  const events = await readTurnLog(database.admin, turn);
  expect(countTypes(events)).toMatchObject({ StepCompleted: 2, ToolCompleted: 4, LimitReached: 1, TurnFailed: 1 });
});

test.concurrent('killed between the step past the limit and the end of its turn', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  rig.script(() => ({ kind: 'reply', calls: [1, 2, 3, 4].map((n) => pay(`A-100${n}`)) }));
  const turn = 'limit-crash-end';
  const worker = await rig.startProcess({ failpoint: 'step.committed', configFile });
  const answer = rig.client.turns.send({ turn, thread: turn, message: 'Pay them all', agent: 'limited' });
  expect(await worker.exited).toMatchObject({ signal: 'SIGKILL' });
  rig.script(undefined);
  await rig.startHere(crashAgents(rig.shopUrl));
  expect(await answer).toMatchObject({ status: 'failed', code: 'LIMIT_TOOL_CALLS', steps: 1 });
  expect(await rig.refunds()).toHaveLength(0);
  expect(countTypes(await readTurnLog(database.admin, turn))).toMatchObject({ LimitReached: 1, TurnFailed: 1 });
  const next = await rig.client.turns.send({ thread: turn, message: 'Hello', agent: 'limited' });
  expect(next.status).toBe('completed');
});
