import { sql } from 'kysely';
import type { ViewReader } from '../read-views.ts';
import { findTurn, listApprovals } from './queries.ts';
import type { TurnRow } from './queries.ts';

/** Approvals that wait in turns of other agents which a turn waits for, however deep, oldest first. */
export async function listApprovalsBelow({ db, position, tenant }: ViewReader, turn: string): Promise<string[]> {
  const { rows } = await sql<{ approval: string }>`
    with recursive below as (
      select turn from holdfast.turn
      where tenant = ${tenant} and parent_turn = ${turn} and parent_waits and from_pos <= ${position}
      union all
      select t.turn from holdfast.turn t join below b on t.parent_turn = b.turn
      where t.tenant = ${tenant} and t.parent_waits and t.from_pos <= ${position}
    )
    select a.approval from holdfast.approval a join below b on b.turn = a.turn
    where a.tenant = ${tenant} and a.from_pos <= ${position}
      and not exists (select 1 from holdfast.approval_decision d
                      where d.tenant = a.tenant and d.approval = a.approval and d.from_pos <= ${position})
      and not exists (select 1 from holdfast.turn_end e
                      where e.tenant = a.tenant and e.turn = a.turn and e.from_pos <= ${position})
    order by a.from_pos`.execute(db);
  return rows.map(({ approval }) => approval);
}

/** A turn that another agent's turn asked for, with every approval it waits for; undefined where it was never asked. */
export async function findChild(
  reader: ViewReader,
  turn: string,
): Promise<{ readonly row: TurnRow; readonly ended: boolean; readonly waitingFor: readonly string[] } | undefined> {
  const row = await findTurn(reader, turn);
  if (!row) return undefined;
  if (row.status !== 'running' && row.status !== 'waiting') return { row, ended: true, waitingFor: [] };
  const own = row.status === 'waiting' ? await listApprovals(reader, { turn, pending: true }) : [];
  const below = await listApprovalsBelow(reader, turn);
  return { row, ended: false, waitingFor: [...own.map(({ approval }) => approval), ...below] };
}
