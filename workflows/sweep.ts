import { proxyActivities } from '@temporalio/workflow';
import type { SweepActivities, SweepReport } from '../activities/types.ts';

/**
 * One round of the sweeper, started by a schedule: repairs what crashes left behind. A workflow, so that one of all workers does it,
 * and people see in Temporal what it did.
 */
export async function sweep(): Promise<SweepReport> {
  const activities = proxyActivities<SweepActivities>({
    startToCloseTimeout: '10m',
    heartbeatTimeout: '30s',
    // The next round does what this one could not.
    retry: { maximumAttempts: 2 },
  });
  return activities.sweep();
}
