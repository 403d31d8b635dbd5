import type { DemoFigures } from './presenter.ts';
import type { Tally } from './scenario.ts';
import type { Stage } from './stage.ts';

/** Counts the closing figures from the log; nothing is taken from what the parts believe but which turns were acknowledged. */
export async function audit(stage: Stage, tally: Tally): Promise<DemoFigures> {
  const acknowledged = [...tally.acknowledged];
  const [row] = await stage.query(
    `with ends as (
       select s.name, count(*) filter (where e.type in ('TurnCompleted', 'TurnFailed', 'TurnAborted')) as terminal,
              count(*) filter (where e.type = 'TurnCompleted') as completed
       from holdfast.stream s join holdfast.event e on e.tenant = s.tenant and e.stream = s.no
       where s.tenant = $1 and s.name like 'turn/%' group by s.name),
     steps as (
       select e.data ->> 'turn' as turn, e.data ->> 'step' as step, count(*) as n from holdfast.event e
       where e.tenant = $1 and e.type = 'StepCompleted' group by 1, 2),
     facts as (
       select scope_user, scope_agent, scope_thread, content_hash, count(*) as n from holdfast.fact
       where tenant = $1 and to_pos is null group by 1, 2, 3, 4),
     -- What each step promised the model (one outcome per proposed memory) against what its command holds.
     promised as (
       select c.id, (select count(*) from json_array_elements(t.result::json -> 'memories') m
                      where m ->> 'outcome' in ('stored', 'superseding', 'historical', 'disputed')) as promised,
         (select count(*) from holdfast.event w where w.tenant = $1 and w.position between c.first_position and c.last_position
            and w.type in ('FactAsserted', 'ProcedureLearned')) as written
       from holdfast.command c
       join holdfast.tool_outcome t on t.tenant = c.tenant and t.from_pos between c.first_position and c.last_position
       where c.tenant = $1 and t.tool = 'memory_remember' and t.outcome = 'ok')
     select (select count(*)::int from ends) as turns,
       (select position::int from holdfast.log_head where tenant = $1) as events,
       (select count(*)::int from unnest($2::text[]) a where not exists (select from ends where name = 'turn/' || a and completed = 1)) as lost,
       ((select count(*) from ends where terminal > 1) + (select coalesce(sum(n - 1), 0) from steps where n > 1)
         + (select coalesce(sum(n - 1), 0) from facts where n > 1) + (select count(*) from promised where written > promised))::int as duplicated,
       ((select count(*) from promised where written < promised) + (select count(*) from ends where terminal = 0))::int as partial`,
    [acknowledged],
  );
  return {
    turns: Number(row?.['turns']),
    kills: tally.kills,
    events: Number(row?.['events']),
    lost: Number(row?.['lost']),
    duplicated: Number(row?.['duplicated']),
    partial: Number(row?.['partial']),
    approvals: tally.approvals,
    replayed: tally.replayed,
  };
}
