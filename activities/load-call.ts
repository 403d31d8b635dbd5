import { HoldfastError } from '../errors/holdfast-error.ts';
import type { RecordedToolCall } from '../memory/events.ts';
import { commands } from '../memory/keys.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { findTakenStep } from '../projections/branches/queries.ts';
import { readViews } from '../projections/read-views.ts';
import type { ApprovalDecisionRow } from '../projections/threads/queries.ts';
import { findTurn, listApprovals, listSteps } from '../projections/threads/queries.ts';
import { TurnEndedError, UnknownTurnError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import { assertRemembered } from './memory-write.ts';
import type { ToolInput } from './types.ts';

/**
 * A tool call as the model wrote it, with its turn and what a person decided about it. Throws TurnEndedError, UnknownTurnError,
 * SubjectForgottenError, and APPROVAL_UNDECIDED where a decision is needed and not there yet.
 */
export async function loadCall(deps: ActivityDeps, input: ToolInput) {
  const tenant = await deps.store.tenantNumber(input.tenant);
  return readViews(deps.pool, tenant, async (reader) => {
    const turn = await findTurn(reader, input.turn);
    const step =
      (await listSteps(reader, { turn: input.turn })).find((row) => row.step === input.step) ??
      (await findTakenStep(reader, input, input.step));
    const call = (step?.tool_calls as RecordedToolCall[] | undefined)?.[input.ordinal];
    if (!turn || !call) throw new UnknownTurnError(input.turn);
    // Cancelled while nobody could tell the workflow: what would refuse the outcome must refuse the effect.
    if (turn.status !== 'running' && turn.status !== 'waiting') throw new TurnEndedError(turn.turn, turn.status);
    // Before the tool runs: its arguments may be gone.
    await assertRemembered(reader, {
      subjects: subjectsOf(turnScope(turn)),
      since: turn.position,
      command: commands.tool(input.turn, input.step, input.ordinal),
    });
    let decision: ApprovalDecisionRow | null = null;
    if (input.approval !== null) {
      decision = (await listApprovals(reader, { approval: input.approval }))[0]?.decision ?? null;
      // Woken without a decision in the log: never run an action that nobody approved.
      if (!decision) {
        throw new HoldfastError('APPROVAL_UNDECIDED', `Approval "${input.approval}" has no decision in the log yet.`, {
          retryable: true,
        });
      }
    }
    return { turn, call, decision };
  });
}
