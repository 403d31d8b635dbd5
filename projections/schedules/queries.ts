import type { Position } from '../../eventstore/index.ts';
import type { ScheduleTiming } from '../../memory/schedule-events.ts';
import type { ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';

/** A schedule as it stands. */
export interface ScheduleRow {
  readonly schedule: string;
  readonly thread: string;
  readonly branch: string;
  readonly agent: string;
  readonly user: string | null;
  readonly message: string;
  readonly timing: ScheduleTiming;
  readonly paused: boolean;
  readonly position: Position;
}

/** The schedules that were not deleted, oldest first; or one of them. */
export async function listSchedules(
  { db, position, tenant }: ViewReader,
  { schedule }: { readonly schedule?: string } = {},
): Promise<ScheduleRow[]> {
  let query = db
    .selectFrom('schedule as s')
    .leftJoin('schedule_pause as p', (join) =>
      join.onRef('p.tenant', '=', 's.tenant').onRef('p.schedule', '=', 's.schedule').on(heldAt(position, 'p')),
    )
    .where('s.tenant', '=', tenant)
    .where(heldAt(position, 's'))
    .select([
      ...([
        's.schedule',
        's.thread',
        's.branch',
        's.agent',
        's.user_id',
        's.message',
        's.timing',
        's.from_pos',
      ] as const),
      'p.actor as paused_by',
    ])
    .orderBy('s.from_pos');
  if (schedule !== undefined) query = query.where('s.schedule', '=', schedule);
  return (await query.execute()).map(({ user_id, paused_by, from_pos, timing, ...row }) => ({
    ...row,
    user: user_id,
    timing: timing as ScheduleTiming,
    paused: paused_by !== null,
    position: from_pos,
  }));
}
