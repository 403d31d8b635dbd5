import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ScheduleActivities, ScheduleRef } from '../activities/types.ts';

/** Starts one turn of a schedule: references only, the message is in the log. Named by the time it was due, so it happens once. */
export async function scheduledTurn(ref: ScheduleRef): Promise<void> {
  const { requestScheduledTurn } = proxyActivities<ScheduleActivities>({
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  });
  const { workflowId, startTime } = workflowInfo();
  // The schedule appends the time at which it was due; started late or again, that stays the same.
  const due = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.exec(workflowId)?.[0];
  await requestScheduledTurn({ ...ref, due: new Date(due ?? startTime).toISOString() });
}
