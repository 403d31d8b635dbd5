import proto from '@temporalio/proto';
import type { CrashRig } from './crash-rig.ts';
import { turnWorkflowId } from '../../workflows/messages.ts';
import { until } from './until.ts';

/** The handle of a turn's workflow. */
export function workflowOf(rig: CrashRig, turn: string) {
  return rig.temporal.workflow.getHandle(turnWorkflowId({ tenant: rig.client.tenant, branch: 'main', turn }));
}

/** Waits until a turn's workflow has closed, extraction included; gives its history as Temporal stores it. */
export async function closedHistory(rig: CrashRig, turn: string): Promise<{ events: number; bytes: Buffer }> {
  const handle = workflowOf(rig, turn);
  await until(`the workflow of ${turn} has closed`, async () =>
    (await handle.describe()).status.name === 'RUNNING' ? undefined : true,
  );
  const history = await handle.fetchHistory();
  const bytes = Buffer.from(proto.temporal.api.history.v1.History.encode(history).finish());
  return { events: history.events?.length ?? 0, bytes };
}
