import { ActivityFailure, ApplicationFailure, executeChild, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type {
  ConsolidationActivities,
  ConsolidationRef,
  ConsolidationReport,
  DueConsolidationActivities,
  DueScope,
  UnitOutcome,
} from '../activities/consolidation-types.ts';
import { backgroundQueue, consolidationWorkflowId } from './messages.ts';

/** Scopes that one round of the schedule works at side by side. */
const atOnce = 4;
const backoff = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;

/**
 * One run of consolidation over one scope: a plan, then each of its parts as one command, then the end. Everything is keyed by the run, so
 * a run that was killed anywhere goes on where it was, and one that is started again does nothing twice. References only.
 */
export async function consolidate(ref: ConsolidationRef): Promise<ConsolidationReport> {
  const activities = proxyActivities<ConsolidationActivities>({
    taskQueue: backgroundQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '5m',
    heartbeatTimeout: '10s',
    retry: { ...backoff, maximumAttempts: 30 },
  });
  const { units, refused, facts } = await activities.planConsolidation(ref);
  const problems = new Set<string>();
  for (const unit of units) {
    try {
      const { problem } = await apply(unit);
      if (problem !== null) problems.add(problem);
    } catch (error) {
      // What does not work must not keep the rest from being done; the next run looks at it again.
      problems.add(codeOf(error));
    }
  }
  return activities.completeConsolidation({ ...ref, refused, facts, problems: [...problems] });

  function apply(unit: (typeof units)[number]): Promise<UnitOutcome> {
    switch (unit.kind) {
      case 'merge':
        return activities.mergeFacts({ ...ref, unit });
      case 'retire':
        return activities.retireFacts({ ...ref, unit });
      case 'summarise':
        return activities.summariseSession({ ...ref, unit });
      case 'learn':
        return activities.learnPlaybooks({ ...ref, unit });
      case 'observe':
        return activities.observeScope({ ...ref, unit });
    }
  }
}

/**
 * One round of the schedule: a run for each user of whom something was learnt or said since the last one. Named by the time it was due.
 * @param given the queue that runs are named by: where a history is replayed, the worker's own is another one. Schedules of before give none
 */
export async function consolidateDue(given?: {
  readonly taskQueue: string;
}): Promise<{ readonly scopes: number; readonly failed: number }> {
  const { workflowId, startTime, taskQueue: own } = workflowInfo();
  const taskQueue = given?.taskQueue ?? own;
  const now = new Date(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.exec(workflowId)?.[0] ?? startTime).toISOString();
  const { listDueScopes } = proxyActivities<DueConsolidationActivities>({
    taskQueue: backgroundQueue(taskQueue),
    startToCloseTimeout: '1m',
    retry: backoff,
  });
  const total = { scopes: 0, failed: 0 };
  for (let after: DueScope | null = null; ;) {
    const page: readonly DueScope[] = await listDueScopes({ now, after });
    const queue = page.values();
    const work = async (): Promise<void> => {
      for (const { tenant, user } of queue) {
        const run = `${now}/${user}`;
        try {
          await executeChild(consolidate, {
            workflowId: consolidationWorkflowId({ taskQueue, tenant, run }),
            args: [{ tenant, run, scope: { user }, now }],
          });
          total.scopes += 1;
        } catch (error) {
          // Started already by a round that was reset: that one does it.
          if (!(error instanceof Error) || error.name !== 'WorkflowExecutionAlreadyStartedError') total.failed += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    after = page.at(-1) ?? null;
    if (after === null) return total;
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof ActivityFailure)) throw error;
  return error.cause instanceof ApplicationFailure ? (error.cause.type ?? 'UNEXPECTED') : 'UNEXPECTED';
}
