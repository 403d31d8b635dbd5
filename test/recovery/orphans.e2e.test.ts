import { expect, test } from 'vitest';
import type { Misbehaviour, RecordedRequest } from '../../llm/demo-model/misbehaviour.ts';
import { sweepWorkflow } from '../../workflows/messages.ts';
import { startRig } from '../support/crash-rig.ts';
import { workflowOf } from '../support/histories.ts';
import { readTurnLog, terminals } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { helper, planner } from '../workflows/fixtures/asking-agents.ts';

const database = withDatabase();

test('the workflow of a turn that waits for others is terminated: the sweeper aborts those it waited for, however deep; what was handed over goes on', async ({
  onTestFinished,
}) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([planner, helper], { sweep: { everyMs: null, graceMs: 0 } });
  const hanging = new Set<string>();
  rig.script(({ body }: RecordedRequest): Misbehaviour | undefined => {
    const { messages = [] } = body as { messages?: { role: string; content?: string }[] };
    const said = messages.findLast(({ role }) => role === 'user')?.content ?? '';
    const call = (name: string, message: string) => ({ name, arguments: JSON.stringify({ message }) });
    switch (said) {
      case 'Ask all':
        return { kind: 'reply', calls: [call('ask_myself', 'Ask one'), call('hand_over', 'Take your time')] };
      case 'Ask one':
        return { kind: 'reply', calls: [call('ask_helper', 'Think for ever')] };
      case 'Think for ever':
        hanging.add(said);
        return { kind: 'hang' };
      case 'Take your time':
        hanging.add(said);
        return { kind: 'slow', latencyMs: 300 };
      default:
        return undefined;
    }
  });
  const turn = 'orphans';
  const [child, below, handed] = [`${turn}+1+0`, `${turn}+1+0+1+0`, `${turn}+1+1`];
  await rig.client.turns.send({ turn, thread: turn, message: 'Ask all', agent: 'planner' }, { timeoutMs: 500 });
  await until('all of them work', () => Promise.resolve(hanging.size === 2 ? true : undefined));

  await workflowOf(rig, turn).terminate('by a person in the UI');
  const swept: unknown = await rig.temporal.workflow.execute(sweepWorkflow, {
    taskQueue: rig.taskQueue,
    workflowId: `sweep/${rig.taskQueue}/${crypto.randomUUID()}`,
  });
  expect(swept).toMatchObject({ failed: 0 });
  expect(await rig.client.turns.get(turn)).toMatchObject({ status: 'aborted', code: 'temporal:terminate' });
  for (const [waited, parent] of [
    [child, turn],
    [below, child],
  ] as const) {
    expect(await rig.client.turns.get(waited)).toMatchObject({
      status: 'aborted',
      detail: `The turn "${parent}" that waited for it has ended.`,
    });
    expect(terminals(await readTurnLog(database.admin, waited))).toHaveLength(1);
    await until(
      `the workflow of ${waited} is closed`,
      async () => {
        const { status } = await workflowOf(rig, waited).describe();
        return status.name === 'RUNNING' ? undefined : true;
      },
      { timeoutMs: 60_000 },
    );
  }
  expect(await rig.client.turns.result(handed)).toMatchObject({ status: 'completed' });
});
