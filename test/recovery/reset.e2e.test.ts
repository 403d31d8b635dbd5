import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { resetWorkflow, workflowOf } from '../support/histories.ts';
import { countTypes, readTurnLog, terminals } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const input = z.object({ note: z.string() });

/** An agent whose tools count how often they ran; `begun` and `gate` hold a call in the middle. */
function watched() {
  const ran = { once: 0, again: 0, asked: 0 };
  const begun = Promise.withResolvers<null>();
  const gate = Promise.withResolvers<null>();
  const tool = (name: keyof typeof ran, options: { repeatable?: boolean; approval?: 'always' }) =>
    defineTool({
      name,
      description: 'Runs.',
      input,
      ...options,
      execute: async () => {
        ran[name] += 1;
        begun.resolve(null);
        if (name !== 'asked' && ran[name] === 1) await gate.promise;
        return `${name} ran`;
      },
    });
  const agent = defineAgent({
    name: 'watched',
    instructions: 'You use tools.',
    tools: [tool('once', {}), tool('again', { repeatable: true }), tool('asked', { approval: 'always' })],
    memory: { extract: false },
  });
  return { agent, ran, begun: begun.promise, open: () => gate.resolve(null) };
}

async function closed(rig: CrashRig, turn: string): Promise<void> {
  await until(`the workflow of ${turn} is closed`, async () => {
    const { status } = await workflowOf(rig, turn).describe();
    return status.name === 'COMPLETED' ? true : undefined;
  });
}

/** The turn's events without the archive of its history, which comes behind the turn at its own time. */
async function readTurnOnly(turn: string): ReturnType<typeof readTurnLog> {
  return (await readTurnLog(database.admin, turn)).filter(({ type }) => type !== 'HistoryArchived');
}

test.for([
  ['once', 1, { outcome: 'failed', code: 'OUTCOME_UNKNOWN' }],
  // By its effect key the world does it once.
  ['again', 2, { outcome: 'ok' }],
] as const)(
  'reset while the tool "%s" runs: its outcome stands there once, whichever run ends first',
  async ([name, times, end], { onTestFinished }) => {
    const rig = await startRig(database, onTestFinished);
    const { agent, ran, begun, open } = watched();
    onTestFinished(open);
    const worker = await rig.startHere([agent]);
    const turn = `reset-${name}`;
    const message = `Use the tool ${name} with {"note": "x"}`;
    await rig.client.turns.send({ turn, thread: turn, message, agent: 'watched' }, { timeoutMs: 200 });
    await begun;
    await resetWorkflow(rig, turn);
    expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed', steps: 2 });
    await closed(rig, turn);
    const log = await readTurnOnly(turn);
    // The first run's tool ends when all is over.
    open();
    await worker.stop();
    expect(ran[name]).toBe(times);
    expect(await readTurnOnly(turn)).toEqual(log);
    expect(countTypes(log)).toMatchObject({ StepCompleted: 2, ToolCompleted: 1, TurnCompleted: 1 });
    expect(log.find(({ type }) => type === 'ToolCompleted')?.data).toMatchObject(end);
  },
);

test('reset while the model is asked: asked again, answered once', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([watched().agent]);
  const asked = Promise.withResolvers<null>();
  rig.script(() => {
    asked.resolve(null);
    return { kind: 'hang' };
  });
  const turn = 'reset-model';
  const request = { turn, thread: turn, message: 'Hello', agent: 'watched' };
  await rig.client.turns.send(request, { timeoutMs: 200 });
  await asked.promise;
  rig.script(undefined);
  // There is no place to reset to before the workflow has reported once that its step goes on.
  await until('it was reset', () => resetWorkflow(rig, turn).catch(() => undefined));
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed', steps: 1 });
  const log = await readTurnLog(database.admin, turn);
  expect(countTypes(log)).toMatchObject({ StepCompleted: 1 });
  expect(terminals(log)).toHaveLength(1);
});

test('reset while it waits for a person: the approval is the same, and is decided once', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const { agent, ran } = watched();
  await rig.startHere([agent]);
  const turn = 'reset-asked';
  const message = 'Use the tool asked with {"note": "x"}';
  const { waitingFor } = await rig.client.turns.send({ turn, thread: turn, message, agent: 'watched' });
  const [approval = ''] = waitingFor;
  await resetWorkflow(rig, turn);
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'waiting', waitingFor: [approval] });
  const decide = (actor: string) => rig.client.approvals.decide({ approval, decision: 'approve', actor });
  expect(await decide('mia')).toMatchObject({ applied: true });
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed' });
  expect(await decide('bo')).toMatchObject({ applied: false });
  // Once more, when all is over: what was decided is found.
  await closed(rig, turn);
  await resetWorkflow(rig, turn);
  await closed(rig, turn);
  expect(ran.asked).toBe(1);
  expect(countTypes(await readTurnLog(database.admin, turn))).toMatchObject({ ToolCompleted: 1, TurnCompleted: 1 });
});
