import type { Position } from '../../eventstore/index.ts';
import type { TurnRef } from '../../memory/events.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** A completed turn that has not been read for memories, because its agent reads later. */
export interface AwaitingExtraction extends TurnRef {
  readonly agent: string;
  readonly user: string | null;
  /** Where it ended. */
  readonly position: Position;
  /** An extraction was tried and given up. */
  readonly failed: boolean;
}

/** Which of them. */
export interface AwaitingFilter {
  readonly thread?: string;
  readonly branch?: string;
  readonly agents?: readonly string[];
  /** Only behind this position. @default 0 */
  readonly after?: Position;
  /** @default 200 */
  readonly limit?: number;
}

/** Where a turn ended; undefined while it has not. */
export async function turnEndPosition(
  { db, tenant, position }: ViewReader,
  turn: string,
): Promise<Position | undefined> {
  const row = await db
    .selectFrom('turn_end')
    .select('from_pos')
    .where('tenant', '=', tenant)
    .where('turn', '=', turn)
    .where('from_pos', '<=', position)
    .executeTakeFirst();
  return row?.from_pos;
}

/** Turns that wait to be read for memories, in the order in which they ended. */
export async function listAwaitingExtraction(
  { db, tenant, position }: ViewReader,
  { thread, branch, agents, after = 0, limit = 200 }: AwaitingFilter = {},
): Promise<AwaitingExtraction[]> {
  let query = db
    .selectFrom('awaiting_extraction as w')
    .innerJoin('turn as t', (join) => join.onRef('t.tenant', '=', 'w.tenant').onRef('t.turn', '=', 'w.turn'))
    .leftJoin('extraction as e', (join) =>
      join.onRef('e.tenant', '=', 'w.tenant').onRef('e.turn', '=', 'w.turn').on(heldAt(position, 'e')),
    )
    .where('w.tenant', '=', tenant)
    .where(heldAt(position, 'w'))
    .where('w.from_pos', '>', after)
    .select(['w.turn', 'w.thread', 'w.branch', 't.agent', 't.user_id', 'w.from_pos', 'e.status'])
    .orderBy('w.from_pos')
    .limit(limit);
  if (thread !== undefined) query = query.where('w.thread', '=', thread);
  if (branch !== undefined) query = query.where('w.branch', '=', branch);
  if (agents !== undefined) query = query.where('t.agent', 'in', agents.length === 0 ? [''] : [...agents]);
  const rows = await query.execute();
  return rows.map(({ from_pos, user_id, status, ...turn }) => ({
    ...{ ...turn, user: user_id, position: from_pos, failed: status === 'failed' },
  }));
}
