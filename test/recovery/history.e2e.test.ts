import { expect, inject, test, vi } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { replayTurn } from '../../worker/replay-turn.ts';
import { startRig } from '../support/crash-rig.ts';
import { closedHistory, workflowOf } from '../support/histories.ts';
import { startPrivateTemporal } from '../support/private-temporal.ts';
import { countTypes, readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const length = 200 * 1024;
const dump = defineTool({
  name: 'dump',
  description: 'Gives a lot.',
  input: z.object({ n: z.number() }),
  maxResultLength: length,
  execute: ({ n }) => String(n).padEnd(length, 'x'),
});
const agent = defineAgent({ name: 'dumper', instructions: 'You dump.', tools: [dump], memory: { extract: false } });

test('100 tool calls of 200 KB each: the history of the turn stays under 300 KB', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([agent]);
  let asked = 0;
  rig.script(() => {
    if (++asked > 2) return undefined;
    const calls = Array.from({ length: 50 }, (_, n) => ({ name: 'dump', arguments: JSON.stringify({ n }) }));
    return { kind: 'reply', calls };
  });
  const turn = 'dumped';
  const request = { turn, thread: turn, message: 'Dump it.', agent: 'dumper' };
  expect(await rig.client.turns.send(request, { timeoutMs: 100_000 })).toMatchObject({ status: 'completed', steps: 3 });
  const log = await readTurnLog(database.admin, turn);
  expect(countTypes(log)).toMatchObject({ ToolCompleted: 100 });
  const results = log.flatMap(({ type, data }) => (type === 'ToolCompleted' ? [[data['outcome'], data['code']]] : []));
  // Whole: one that was cut would have a code.
  expect(results).toEqual(Array.from({ length: 100 }, () => ['ok', null]));
  const { bytes, events } = await closedHistory(rig, turn);
  console.log(`history of 100 calls of 200 KB: ${events} events, ${bytes.length} bytes`);
  expect(bytes.length).toBeLessThan(300 * 1024);
  expect(bytes.includes('xxxx')).toBe(false);
});

test('an archived history replays when Temporal knows nothing any more', async () => {
  await using temporal = await startPrivateTemporal();
  const closers: (() => Promise<void>)[] = [];
  try {
    const rig = await startRig(database, (close) => closers.push(close), { temporalAddress: temporal.address });
    const worker = await rig.startHere([agent]);
    const turn = 'replayed';
    await rig.client.turns.send({ turn, thread: turn, message: 'Use the tool dump with {"n": 1}', agent: 'dumper' });
    const kept = await until('the archive', async () => rig.client.turns.history(turn).catch(() => undefined));
    await worker.stop();
    await temporal.kill();
    await temporal.wipe();
    await temporal.start();
    await until('the wiped server answers', async () =>
      workflowOf(rig, turn)
        .describe()
        .then(() => undefined)
        .catch((error: unknown) => (String(error).includes('WorkflowNotFound') ? true : undefined)),
    );
    const { history, workflowId, events } = await rig.client.turns.history(turn);
    expect(events).toBe(kept.events);
    const { workflowBundle } = inject('servers');
    const replayed = await replayTurn({ history, workflowId, workflowBundle: { codePath: workflowBundle } });
    expect(replayed).toEqual({ deterministic: true, events });
    const { steps } = await rig.client.turns.explain(turn);
    expect(steps.map(({ promptMatches }) => promptMatches)).toEqual([true, true]);
  } finally {
    for (const close of closers.reverse()) await close();
  }
});
