import type { WorkedTurn } from '../../memory/consolidate/playbooks.ts';
import type { Trust } from '../../memory/events.ts';
import { forgottenText } from '../../memory/personal-fields.ts';
import type { ViewReader } from '../read-views.ts';

/** A turn that ended and called tools, as the views hold it. */
export interface WorkedRow extends Pick<WorkedTurn, 'message' | 'status' | 'code' | 'calls'> {
  readonly turn: string;
  readonly thread: string;
  readonly branch: string;
  readonly agent: string;
  readonly occurredAt: Date;
  /** The least trusted of all that its reply may rest on; null: the user and the model alone, or no reply. */
  readonly heard: Trust | null;
}

/** Turns that one look at a user's playbooks reads at most, newest first. */
const mostTurns = 500;

/**
 * The newest turns of a user that completed or failed and called tools besides those of memory, oldest first. What another agent asked for,
 * and what happened in forks, is not the user's.
 */
export async function readWorkedTurns(
  { client, tenant, position }: ViewReader,
  user: string,
  { limit = mostTurns }: { readonly limit?: number } = {},
): Promise<WorkedRow[]> {
  const { rows } = await client.query<WorkedRow>({
    name: 'holdfast_worked_turns',
    text: `select t.turn, t.thread, t.branch, t.agent, t.message, t.occurred_at as "occurredAt", e.status, e.code, r.heard, c.calls
      from holdfast.turn t
      join holdfast.turn_end e on e.tenant = $1 and e.turn = t.turn and e.from_pos <= $2 and e.status in ('completed', 'failed')
      left join holdfast.round r on r.tenant = $1 and r.round = 'r-' || t.turn and r.from_pos <= $2
      cross join lateral (select json_agg(json_build_object('tool', o.tool, 'outcome', o.outcome, 'arguments', o.arguments)
          order by o.step, o.ordinal) as calls
        from holdfast.tool_outcome o where o.tenant = $1 and o.turn = t.turn and o.from_pos <= $2 and o.tool !~ '^(memory|block)_') c
      where t.tenant = $1 and t.user_id = $3 and t.branch = 'main' and t.parent_turn is null and t.from_pos <= $2
        and t.message <> $5 and c.calls is not null
      order by t.from_pos desc limit $4`,
    values: [tenant, position, user, limit, forgottenText],
  });
  return rows.toReversed();
}
