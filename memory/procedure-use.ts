/** What became of a turn in whose prompt a how-to stood. */
export type UseVerdict = 'success' | 'failure' | 'unknown';

/** A turn in whose prompt a how-to stood: how it ended, and what its tool calls came to from that step on. */
export interface ProcedureUse {
  /** `completed`, `failed` or `aborted`; null while it has not ended. */
  readonly status: string | null;
  /** Why it failed; null for another end. */
  readonly code: string | null;
  /** In order. */
  readonly calls: readonly { readonly tool: string; readonly outcome: string }[];
}

/** How often a version stood in the prompt of a turn, and what became of those turns. */
export interface UseCounts {
  readonly successes: number;
  readonly failures: number;
  readonly unknown: number;
}

/** Outcomes of a call that did not do what it was called for. A rejected or skipped call was not made: it says nothing. */
const badOutcomes: ReadonlySet<string> = new Set(['failed', 'invalid', 'timed_out']);

/**
 * Says whether a turn speaks for or against a how-to that stood in its prompt. The last call of each tool counts, so a call that was
 * repeated until it worked, worked:
 * - success: the turn completed, a tool worked, and none was left failing;
 * - failure: the turn completed or failed with a tool left failing, or ran into a limit;
 * - unknown: anything else. It has not ended, was aborted, called no tool, or failed for a reason outside of it, as when the model was down.
 */
export function judgeUse({ status, code, calls }: ProcedureUse): UseVerdict {
  if (status !== 'completed' && status !== 'failed') return 'unknown';
  const last = [...new Map(calls.map(({ tool, outcome }) => [tool, outcome])).values()];
  if (last.some((outcome) => badOutcomes.has(outcome))) return 'failure';
  if (status === 'failed') return code?.startsWith('LIMIT_') === true ? 'failure' : 'unknown';
  return last.includes('ok') ? 'success' : 'unknown';
}

/** Counts verdicts. */
export function countUses(uses: readonly ProcedureUse[]): UseCounts {
  const verdicts = uses.map(judgeUse);
  const of = (verdict: UseVerdict): number => verdicts.filter((one) => one === verdict).length;
  return { successes: of('success'), failures: of('failure'), unknown: of('unknown') };
}

/** True when a version has failed clearly more often than it worked: three times at least, and twice as often. */
export function isFailing({ successes, failures }: Pick<UseCounts, 'successes' | 'failures'>): boolean {
  return failures >= 3 && failures >= 2 * successes;
}
