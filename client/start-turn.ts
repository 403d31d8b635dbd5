import type { Client } from '@temporalio/client';
import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { TurnRef } from '../activities/types.ts';
import type { agentTurn } from '../workflows/agent-turn.ts';
import { agentTurnWorkflow, replyUpdate, turnWorkflowId } from '../workflows/messages.ts';
import type { TurnOutcome, TurnTimeouts } from '../workflows/messages.ts';

/** How turns are started on Temporal. */
export interface TurnStarter {
  readonly temporal: Client;
  readonly taskQueue: string;
  readonly timeouts: TurnTimeouts;
}

/** Search attributes of turn workflows; the dev server registers them, a cluster needs them once. */
export const turnSearchAttributes = {
  tenant: defineSearchAttributeKey('HoldfastTenant', 'KEYWORD'),
  thread: defineSearchAttributeKey('HoldfastThread', 'KEYWORD'),
  branch: defineSearchAttributeKey('HoldfastBranch', 'KEYWORD'),
  turn: defineSearchAttributeKey('HoldfastTurn', 'KEYWORD'),
  agent: defineSearchAttributeKey('HoldfastAgent', 'KEYWORD'),
};

/**
 * Starts the turn's workflow, or joins the one that runs, and waits for its reply: one round trip to Temporal for both.
 * The deadline is the caller's: wrap the call in `client.withDeadline`.
 */
export async function startAndAwaitReply(starter: TurnStarter, ref: TurnRef): Promise<TurnOutcome> {
  const operation = new WithStartWorkflowOperation<typeof agentTurn>(agentTurnWorkflow, {
    ...startOptions(starter, ref),
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return starter.temporal.workflow.executeUpdateWithStart(replyUpdate, {
    updateId: ref.turn,
    startWorkflowOperation: operation,
  });
}

/** How a workflow ended that does not run any more. */
export type EndedWorkflow = 'TERMINATED' | 'CANCELLED' | 'TIMED_OUT' | 'FAILED' | 'COMPLETED';

/** Makes sure that somebody works on a turn: starts its workflow when Temporal does not know it. Gives how it ended otherwise. */
export async function ensureRunning(
  starter: TurnStarter,
  ref: TurnRef,
): Promise<'started' | 'running' | EndedWorkflow> {
  // Looking first: a turn that is looked after runs almost always, and a refused start costs the server more.
  const known = await workflowState(starter, ref);
  if (known !== undefined) return known;
  try {
    await starter.temporal.workflow.start<typeof agentTurn>(agentTurnWorkflow, startOptions(starter, ref));
    return 'started';
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    // Somebody else was faster.
    return (await workflowState(starter, ref)) ?? 'running';
  }
}

/** How a turn's workflow stands; undefined when Temporal does not know it. */
export function workflowState(starter: TurnStarter, ref: TurnRef): Promise<'running' | EndedWorkflow | undefined> {
  return stateOf(starter, turnWorkflowId({ ...ref, taskQueue: starter.taskQueue }));
}

/** How any workflow stands; undefined when Temporal does not know it. */
export async function stateOf(
  { temporal }: Pick<TurnStarter, 'temporal'>,
  workflowId: string,
): Promise<'running' | EndedWorkflow | undefined> {
  try {
    const { status } = await temporal.workflow.getHandle(workflowId).describe();
    switch (status.name) {
      case 'TERMINATED':
      case 'CANCELLED':
      case 'TIMED_OUT':
      case 'FAILED':
      case 'COMPLETED':
        return status.name;
      default:
        return 'running';
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function startOptions({ taskQueue, timeouts }: TurnStarter, ref: TurnRef) {
  const { tenant, thread, branch, turn, agent } = ref;
  return {
    workflowId: turnWorkflowId({ ...ref, taskQueue }),
    taskQueue,
    args: [{ tenant, thread, branch, turn, agent, timeouts }] as [Parameters<typeof agentTurn>[0]],
    // Steps run inside workflow tasks: this is how soon a dead worker is noticed, and a cancellation heard of.
    workflowTaskTimeout: Math.max(1_000, timeouts.heartbeatMs),
    // A turn id means one turn for ever: a closed workflow is never started again.
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: turnSearchAttributes.tenant, value: tenant },
      { key: turnSearchAttributes.thread, value: thread },
      { key: turnSearchAttributes.branch, value: branch },
      { key: turnSearchAttributes.turn, value: turn },
      { key: turnSearchAttributes.agent, value: agent },
    ]),
    staticSummary: `turn ${turn} of thread ${thread}`,
  };
}
