import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Boundary } from '../../activities/deps.ts';
import { startRig } from '../support/crash-rig.ts';
import { countTypes, readTurnLog, terminals } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { crashAgents } from './fixtures.config.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const configFile = join(import.meta.dirname, 'fixtures.config.ts');

test.concurrent.for<Boundary>(['step.model_answered', 'step.committed', 'tool.executed'])(
  'a fork whose worker is killed at %s: what was taken over stays, each new step is there once',
  async (boundary, { onTestFinished }) => {
    const rig = await startRig(database, onTestFinished);
    const turn = `orders-${boundary}`;
    const forked = `${turn}~again`;
    const here = await rig.startHere(crashAgents(rig.shopUrl));
    const message = 'Where is my order A-1001?';
    const request = { thread: turn, user: boundary, agent: 'shopper', turn, message };
    expect((await rig.client.turns.send(request)).status).toBe('completed');
    await here.stop();
    const before = await readTurnLog(database.admin, turn);

    const worker = await rig.startProcess({ failpoint: `${boundary}@${forked}`, configFile });
    const step = boundary === 'tool.executed' ? 0 : 1;
    const at = { turn, step };
    const fork = rig.client.checkpoints.fork(
      { thread: turn, at, name: 'again', tools: 'rerun' },
      { timeoutMs: 50_000 },
    );
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await rig.startHere(crashAgents(rig.shopUrl));
    expect(await fork).toMatchObject({ turn: { turn: forked }, from: { turn, steps: step } });

    // The same fork again, after all of it: it is there once.
    const again = await rig.client.checkpoints.fork({ thread: turn, at, name: 'again', tools: 'rerun' });
    expect(again.turn).toMatchObject({ status: 'completed', turn: forked });
    const events = await readTurnLog(database.admin, forked);
    expect(terminals(events).map(({ type }) => type)).toEqual(['TurnCompleted']);
    const steps = events.filter(({ type }) => type === 'StepCompleted').map(({ data }) => data['step']);
    expect(steps).toEqual(step === 0 ? [1, 2] : [2]);
    expect(countTypes(events)).toMatchObject({ RoundRecorded: 1 });
    // The forked turn has not noticed (its history may have been archived meanwhile).
    expect((await readTurnLog(database.admin, turn)).slice(0, before.length)).toEqual(before);
  },
);
