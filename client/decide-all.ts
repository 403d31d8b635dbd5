import { HoldfastError } from '../errors/holdfast-error.ts';
import type { ApprovalDecision, DecisionOutcome } from './decide-approval.ts';
import { decideApproval } from './decide-approval.ts';
import type { ClientContext } from './send-turn.ts';

/** What became of one decision of several. */
export type DecisionResult =
  | { readonly approval: string; readonly outcome: DecisionOutcome; readonly error: null }
  | { readonly approval: string; readonly outcome: null; readonly error: HoldfastError };

/**
 * Decides several approvals at once, each on its own: one that cannot be decided leaves the others alone. Gives one result per
 * decision, in their order. Throws what is no HoldfastError.
 */
export async function decideAll(
  context: ClientContext,
  decisions: readonly ApprovalDecision[],
): Promise<DecisionResult[]> {
  return Promise.all(
    decisions.map(async (decision): Promise<DecisionResult> => {
      const { approval } = decision;
      try {
        return { approval, outcome: await decideApproval(context, decision), error: null };
      } catch (error) {
        if (error instanceof HoldfastError) return { approval, outcome: null, error };
        throw error;
      }
    }),
  );
}
