import { isGrpcServiceError, ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { StreamSealedError } from '../eventstore/index.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { turnEndCommand } from '../memory/turn-end.ts';
import { turnWorkflowId } from '../workflows/messages.ts';
import { isActor } from './actor.ts';
import { InvalidTurnError, TemporalUnavailableError } from './client-errors.ts';
import type { ClientContext, TurnResult } from './send-turn.ts';
import { getTurn } from './send-turn.ts';

/** Who ends a turn, and why. */
export interface CancelTurn {
  /** Recorded. */
  readonly actor: string;
  /** Recorded. @default 'no reason was given' */
  readonly reason?: string;
}

/** What became of a cancel. */
export interface CancelOutcome {
  /** False when the turn had ended before, or somebody else had cancelled it: `turn` tells how. */
  readonly applied: boolean;
  /**
   * False when its workflow could not be told at once, because Temporal is out of reach: the turn has ended all the same, nothing
   * more is added to it, and the sweeper ends the workflow.
   */
  readonly told: boolean;
  readonly turn: TurnResult;
}

/**
 * Ends a turn, wherever it is: queued, in a model call, in a tool, waiting for a person. Its terminal event comes first: from then on
 * the log takes nothing more from the turn, its thread is free, and its approvals are closed. Then the workflow is cancelled, which
 * aborts what runs. A tool that has begun may have had its effect outside. Repeating it is harmless and tells the workflow again.
 * Throws TurnNotFoundError, InvalidTurnError and the errors of the store.
 */
export async function cancelTurn(
  context: ClientContext,
  turn: string,
  { actor, reason = 'no reason was given' }: CancelTurn,
): Promise<CancelOutcome> {
  if (!isActor(actor))
    throw new InvalidTurnError('A cancel needs an actor of 1 to 200 plain characters.', 'Say who cancels (`--actor`).');
  const before = await getTurn(context, turn);
  const ref = { thread: before.thread, branch: before.branch, turn };
  if (before.status === 'running' || before.status === 'waiting') {
    try {
      await context.store.append(context.tenant, {
        ...turnEndCommand(ref, { status: 'aborted', actor, reason }, subjectsOf(turnScope(before))),
        meta: { actor },
      });
    } catch (error) {
      // It ended meanwhile: that end stands.
      if (!(error instanceof StreamSealedError)) throw error;
    }
  }
  const after = await getTurn(context, turn);
  const told = after.status === 'aborted' && (await cancelWorkflow(context, after));
  return { applied: after.status === 'aborted' && after.code === actor, told, turn: after };
}

async function cancelWorkflow(context: ClientContext, { turn, branch }: TurnResult): Promise<boolean> {
  const { temporal, taskQueue } = context.starter;
  try {
    await context.assertConnected();
    await temporal.workflow.getHandle(turnWorkflowId({ taskQueue, tenant: context.tenant, branch, turn })).cancel();
    return true;
  } catch (error) {
    // Nobody works on it: never started, or closed.
    if (error instanceof WorkflowNotFoundError) return true;
    if (error instanceof TemporalUnavailableError || error instanceof ServiceError || isGrpcServiceError(error))
      return false;
    throw error;
  }
}
