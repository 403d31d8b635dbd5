import type pg from 'pg';
import { LogNotDenseError } from '../errors.ts';
import { InvalidReadError } from '../errors-read.ts';
import type { Position } from '../event.ts';
import { checkWhole } from './read-pages.ts';

/** A moment of a log: a position, or a time, which stands for the last position recorded at or before it. */
export type Moment = Position | Date;

/**
 * A binary search over commands by their last position: times never run backwards along a log, so it is exact, and some twenty
 * look-ups in an index that is there anyway cost less than an index by time would cost every append. It searches commands, not
 * events: all events of one command share its time, and commands outlive archived events. Each step halves low..high, which are
 * always ends of commands, so that the answer is one as well.
 * Times are compared in whole milliseconds, as readers see them: an event's own `recordedAt` finds the event.
 */
const search = `with recursive search (low, high) as (
    select 0::bigint, position from holdfast.log_head where tenant = $1
    union all
    select case when c.is_in then c.last_position else s.low end, case when c.is_in then s.high else c.first_position - 1 end
    from search s cross join lateral (
      select first_position, last_position, floor(extract(epoch from recorded_at) * 1000) <= $2::bigint as is_in
      from holdfast.command
      where tenant = $1 and last_position >= (s.low + s.high + 1) / 2
      order by last_position limit 1) c
    where s.low < s.high)
  select low, high from search order by high - low limit 1`;

/**
 * Gives the last position that was recorded at or before a time, 0 when there is none. The client is in a transaction of
 * `withTenant`. Throws InvalidReadError for an invalid date.
 */
export async function positionAt(client: pg.ClientBase, tenant: number, time: Date): Promise<Position> {
  return findPosition(client, tenant, checkedTime(time));
}

/** Gives the last position that was recorded before a time, 0 when there is none. */
export async function positionBefore(client: pg.ClientBase, tenant: number, time: Date): Promise<Position> {
  return findPosition(client, tenant, checkedTime(time) - 1);
}

/**
 * Gives the position that a moment means: never beyond the head, which is what no moment means too. The client is in a transaction
 * of `withTenant`. Throws InvalidReadError for an invalid date, or what is no position.
 */
export async function positionOf(client: pg.ClientBase, tenant: number, moment?: Moment): Promise<Position> {
  if (moment instanceof Date) return positionAt(client, tenant, moment);
  if (moment !== undefined) checkWhole('The position', moment, 0);
  const { rows } = await client.query<{ position: Position }>({
    name: 'holdfast_position',
    text: 'select position from holdfast.log_head where tenant = $1',
    values: [tenant],
  });
  const head = rows[0]?.position ?? 0;
  return Math.min(moment ?? head, head);
}

function checkedTime(time: Date): number {
  const milliseconds = time.getTime();
  if (Number.isNaN(milliseconds)) throw new InvalidReadError('The time', 'a valid date', time);
  return milliseconds;
}

async function findPosition(client: pg.ClientBase, tenant: number, milliseconds: number): Promise<Position> {
  const { rows } = await client.query<{ low: number; high: number }>({
    name: 'holdfast_position_at',
    text: search,
    values: [tenant, milliseconds],
  });
  const { low, high } = rows[0] ?? { low: 0, high: 0 };
  // The search stops early only where no command holds a position.
  if (low !== high) throw new LogNotDenseError(`number ${tenant}`, Math.floor((low + high + 1) / 2), null);
  return low;
}
