import type { Selectable } from 'kysely';
import type { Scope } from '../../memory/scope.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { visibleTo } from '../visible-to.ts';

/** What was said, by whom and when. */
export interface RoundRow {
  readonly round: string;
  readonly thread: string;
  readonly branch: string;
  readonly turn: string;
  readonly agent: string;
  readonly message: { readonly speaker: string; readonly text: string };
  readonly reply: { readonly speaker: string; readonly text: string } | null;
  readonly occurredAt: Date;
  readonly position: number;
}

/** Which rounds. */
export interface RoundFilter {
  /** Said at or after. @default any time */
  readonly from?: Date;
  /** Said before. @default any time */
  readonly to?: Date;
  /** Only those of these turns. @default all */
  readonly turns?: readonly string[];
  /** The newest. @default 200 */
  readonly limit?: number;
}

/** The rounds that a reader sees, in order of when they were said. */
export async function listRounds(
  reader: ViewReader,
  scope: Scope,
  { from, to, turns, limit = 200 }: RoundFilter = {},
): Promise<RoundRow[]> {
  if (turns?.length === 0) return [];
  const lineage = await lineageOf(reader, scope.fork);
  let query = reader.db
    .selectFrom('round')
    .selectAll()
    .where('tenant', '=', reader.tenant)
    .where(holdsFor(reader, lineage, { alias: 'round' }))
    .where(visibleTo(scope, 'round'))
    .orderBy('occurred_at', 'desc')
    .orderBy('from_pos', 'desc')
    .limit(limit);
  if (from) query = query.where('occurred_at', '>=', from);
  if (to) query = query.where('occurred_at', '<', to);
  if (turns) query = query.where('turn', 'in', turns);
  return (await query.execute()).toReversed().map(toRound);
}

function toRound(row: Selectable<ViewDatabase['round']>): RoundRow {
  return {
    ...{ round: row.round, thread: row.thread, branch: row.branch, turn: row.turn, agent: row.agent },
    message: { speaker: row.speaker, text: row.message },
    reply: row.reply === null ? null : { speaker: row.reply_speaker ?? '', text: row.reply },
    ...{ occurredAt: row.occurred_at, position: row.from_pos },
  };
}
