import { sql } from 'kysely';
import type { SqlBool } from 'kysely';
import type { Position } from '../../eventstore/index.ts';
import type { TurnRef } from '../../memory/events.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** A turn with what its workflow is started with, and where it was asked for. */
export interface OpenTurn extends TurnRef {
  readonly agent: string;
  readonly position: Position;
}

/** Turns without a terminal event that were asked for after one position and up to another, oldest first. */
export async function listOpenTurns(
  { db, position, tenant }: ViewReader,
  { after, upTo, limit }: { readonly after: Position; readonly upTo: Position; readonly limit: number },
): Promise<OpenTurn[]> {
  const rows = await db
    .selectFrom('open_turn')
    .where('tenant', '=', tenant)
    // Of the head only, which is what the index of open rows holds.
    .where('to_pos', 'is', null)
    .where('from_pos', '>', after)
    .where('from_pos', '<=', Math.min(upTo, position))
    .select(['turn', 'thread', 'branch', 'agent', 'from_pos'])
    .orderBy('from_pos')
    .limit(limit)
    .execute();
  return rows.map(({ from_pos, ...turn }) => ({ ...turn, position: from_pos }));
}

/** An open turn whose reply nobody waits for any more. */
export interface OrphanedTurn extends TurnRef {
  /** The turn that waited, and has ended. */
  readonly parent: string;
}

/** Open turns that were asked for by a turn which waited for them and has ended, oldest first. */
export async function listOrphanedTurns({ db, tenant }: ViewReader, { limit = 500 } = {}): Promise<OrphanedTurn[]> {
  const rows = await db
    .selectFrom('open_turn as o')
    .innerJoin('turn_end as e', (join) => join.onRef('e.tenant', '=', 'o.tenant').onRef('e.turn', '=', 'o.awaited_by'))
    .where('o.tenant', '=', tenant)
    .where('o.to_pos', 'is', null)
    .select(['o.turn', 'o.thread', 'o.branch', 'e.turn as parent'])
    .orderBy('o.from_pos')
    .limit(limit)
    .execute();
  return rows;
}

/** A decision whose call has no outcome, in a turn that has not ended. */
export interface UnheededDecision extends TurnRef {
  readonly approval: string;
  readonly position: Position;
}

/** Decisions up to a position that nothing has come of yet, oldest first: the call runs now, or the turn was never told. */
export async function listUnheededDecisions(
  { db, position, tenant }: ViewReader,
  { upTo, limit = 1_000 }: { readonly upTo: Position; readonly limit?: number },
): Promise<UnheededDecision[]> {
  const rows = await db
    .selectFrom('approval_decision as d')
    .innerJoin('approval as a', (join) =>
      join.onRef('a.tenant', '=', 'd.tenant').onRef('a.approval', '=', 'd.approval'),
    )
    // An array, so that these few are found first.
    .where(
      sql<SqlBool>`a.turn = any(array(select turn from holdfast.open_turn where tenant = ${tenant} and to_pos is null))`,
    )
    .where('a.tenant', '=', tenant)
    .where('d.tenant', '=', tenant)
    .where(heldAt(position, 'd'))
    .where('d.from_pos', '<=', upTo)
    .leftJoin('message as m', (join) =>
      join
        .onRef('m.tenant', '=', 'a.tenant')
        .onRef('m.turn', '=', 'a.turn')
        .onRef('m.step', '=', 'a.step')
        // A result's place among the messages of its step: behind the reply that asked for it.
        .on((eb) => eb(eb.ref('m.ordinal'), '=', eb(eb.ref('a.ordinal'), '+', 1))),
    )
    .where('m.turn', 'is', null)
    .select(['a.turn', 'a.thread', 'a.branch', 'a.approval', 'd.from_pos'])
    .orderBy('d.from_pos')
    .limit(limit)
    .execute();
  return rows.map(({ from_pos, ...decision }) => ({ ...decision, position: from_pos }));
}

/** Aborted turns whose workflow has not been seen closed (its history is not archived), newest first. */
export async function listUnclosedAborts(
  { db, position, tenant }: ViewReader,
  { limit = 200 }: { readonly limit?: number } = {},
): Promise<TurnRef[]> {
  return db
    .selectFrom('turn_end as e')
    .leftJoin('history as h', (join) => join.onRef('h.tenant', '=', 'e.tenant').onRef('h.turn', '=', 'e.turn'))
    .where('e.tenant', '=', tenant)
    .where(heldAt(position, 'e'))
    .where('e.status', '=', 'aborted')
    .where('h.turn', 'is', null)
    .select(['e.turn', 'e.thread', 'e.branch'])
    .orderBy('e.from_pos', 'desc')
    .limit(limit)
    .execute();
}
