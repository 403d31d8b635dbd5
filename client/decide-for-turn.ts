import type { DecidedApproval, DecideInput } from '../activities/types.ts';
import type { ApprovalRow } from '../projections/threads/queries.ts';
import { ApprovalNotFoundError, InvalidDecisionError } from './client-errors.ts';
import type { DecisionContext } from './decide-approval.ts';
import { findApproval, recordDecision, recordIgnored } from './decide-approval.ts';

/**
 * Records a decision that reached a turn's workflow by signal or update: the same checks, the same first decision that wins. One that
 * cannot be applied is recorded as ignored and answered with a code, never thrown: the turn goes on. Throws the errors of the store.
 */
export async function decideForTurn(
  context: Omit<DecisionContext, 'tenant'>,
  { tenant, thread: _thread, branch: _branch, turn, agent: _agent, ...request }: DecideInput,
): Promise<DecidedApproval> {
  const log = { ...context, tenant };
  let approval: ApprovalRow;
  try {
    approval = await findApproval(log, request.approval);
  } catch (error) {
    if (error instanceof ApprovalNotFoundError) return answer(request.approval, null, false, error.code);
    throw error;
  }
  // Of another turn: its own workflow would have to be told.
  if (approval.turn !== turn) return answer(request.approval, null, false, 'APPROVAL_NOT_FOUND');
  try {
    const outcome = await recordDecision(log, request);
    return answer(request.approval, outcome.approval, outcome.applied, null);
  } catch (error) {
    if (!(error instanceof InvalidDecisionError)) throw error;
    const isStale = request.argumentsHash !== undefined && request.argumentsHash !== approval.argumentsHash;
    if (!isStale) await recordIgnored(log, approval, request, 'invalid');
    return answer(request.approval, approval, false, error.code);
  }
}

function answer(id: string, approval: ApprovalRow | null, applied: boolean, refused: string | null): DecidedApproval {
  const stands = approval?.decision ?? null;
  return {
    approval: id,
    applied,
    decision: stands?.decision ?? null,
    actor: stands?.actor ?? null,
    position: stands?.position ?? 0,
    refused,
  };
}
