import proto from '@temporalio/proto';
import type { CrashRig } from './crash-rig.ts';
import { turnWorkflowId } from '../../workflows/messages.ts';
import { until } from './until.ts';

/** The handle of a turn's workflow. */
export function workflowOf(rig: CrashRig, turn: string) {
  const { taskQueue, client } = rig;
  return rig.temporal.workflow.getHandle(turnWorkflowId({ taskQueue, tenant: client.tenant, branch: 'main', turn }));
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

/** Resets a turn's workflow to its first workflow task, so that everything is done again; gives the run that was reset. */
export async function resetWorkflow(rig: CrashRig, turn: string): Promise<string> {
  const { workflowId, runId } = await workflowOf(rig, turn).describe();
  const { ResetWorkflowExecutionRequest } = proto.temporal.api.workflowservice.v1;
  await rig.temporal.workflowService.resetWorkflowExecution(
    ResetWorkflowExecutionRequest.fromObject({
      namespace: 'default',
      workflowExecution: { workflowId, runId },
      reason: 'test',
      requestId: crypto.randomUUID(),
      // Events 1 to 4: started, task scheduled, task started, task completed.
      workflowTaskFinishEventId: 4,
    }),
  );
  return runId;
}
