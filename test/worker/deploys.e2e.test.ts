import proto from '@temporalio/proto';
import { expect, test, vi } from 'vitest';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { workflowOf } from '../support/histories.ts';
import { readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { approvingAgent } from '../workflows/fixtures/agents.ts';

vi.setConfig({ testTimeout: 120_000 });

const database = withDatabase();
const ask = 'Use the tool ask_first with {"note": "x"}';

/** The version that the turn's workflow began on and is pinned to. */
async function versionOf(rig: CrashRig, turn: string): Promise<string | null | undefined> {
  const { raw } = await workflowOf(rig, turn).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

test('a turn that waits ends on the version it began on, while new ones start on the next; then the old one drains', async ({
  onTestFinished,
}) => {
  const rig = await startRig(database, onTestFinished);
  const versioned = (buildId: string) => ({ versioning: { buildId }, codeVersion: buildId });
  const a = await rig.startHere([approvingAgent], versioned('a'));
  expect(a.version).toEqual({ deploymentName: rig.taskQueue, buildId: 'a' });
  await a.makeCurrent();
  const send = (turn: string, message: string) =>
    rig.client.turns.send({ turn, thread: turn, message, agent: 'approving' }, { timeoutMs: 30_000 });
  const waiting = await send('on-a', ask);
  expect(waiting).toMatchObject({ status: 'waiting', waitingFor: ['on-a.1.0'] });

  const b = await rig.startHere([approvingAgent], versioned('b'));
  await b.makeCurrent();
  expect(await send('on-b', 'Hello')).toMatchObject({ status: 'completed' });
  expect(await versionOf(rig, 'on-b')).toBe('b');

  await rig.client.approvals.decide({ approval: 'on-a.1.0', decision: 'approve', actor: 'mia' });
  const done = await rig.client.turns.result('on-a', { timeoutMs: 30_000 });
  expect(done).toMatchObject({ status: 'completed', steps: 2 });
  expect(await versionOf(rig, 'on-a')).toBe('a');
  const versionsOf = async (turn: string) =>
    (await readTurnLog(database.admin, turn))
      .filter(({ type }) => type === 'StepCompleted')
      .map(({ data }) => data['codeVersion']);
  expect(await versionsOf('on-a')).toEqual(['a', 'a']);
  expect(await versionsOf('on-b')).toEqual(['b']);

  // Nothing runs on A any more: it drains and can go, and turns do not miss it.
  await until('the workflow of the old turn has closed', async () =>
    (await workflowOf(rig, 'on-a').describe()).status.name === 'RUNNING' ? undefined : true,
  );
  const described = await rig.temporal.workflowService.describeWorkerDeploymentVersion({
    namespace: 'default',
    deploymentVersion: { deploymentName: rig.taskQueue, buildId: 'a' },
  });
  const { VERSION_DRAINAGE_STATUS_DRAINED, VERSION_DRAINAGE_STATUS_DRAINING } =
    proto.temporal.api.enums.v1.VersionDrainageStatus;
  expect([VERSION_DRAINAGE_STATUS_DRAINED, VERSION_DRAINAGE_STATUS_DRAINING]).toContain(
    described.workerDeploymentVersionInfo?.drainageInfo?.status,
  );
  await a.stop();
  expect(await send('after', 'Hello')).toMatchObject({ status: 'completed' });
});

test('extraction runs on the version of its turn', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const { supportAgent } = await import('../../examples/support-agent/agent.ts');
  const worker = await rig.startHere([supportAgent], { versioning: { buildId: 'only' } });
  await worker.makeCurrent();
  const turn = 'extracted';
  await rig.client.turns.send({ turn, thread: turn, user: 'ana', message: 'I live in Lisbon.', agent: 'support' });
  await until('it is extracted', async () => (await rig.client.turns.explain(turn)).extraction ?? undefined);
});
