import type { ScheduledTurn } from '../activities/types.ts';
import { readViews } from '../projections/read-views.ts';
import { listSchedules } from '../projections/schedules/queries.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { forgottenText } from '../memory/personal-fields.ts';
import type { ClientContext } from './send-turn.ts';
import { requestTurn } from './request-turn.ts';
import { ensureRunning } from './start-turn.ts';
import { deleteTemporalSchedule } from './temporal-schedule.ts';

/**
 * Requests and starts the turn of a schedule that was due at a time; once, however often it is asked for. Nothing happens when
 * its words were forgotten, and a schedule that was deleted ends in Temporal, too. Throws the errors of the store and of Temporal.
 */
export async function requestScheduledTurn(
  context: Omit<ClientContext, 'tenant' | 'assertConnected'>,
  { tenant, schedule, due }: ScheduledTurn,
): Promise<void> {
  const number = await context.store.tenantNumber(tenant);
  const [row] = await readViews(context.pool, number, (reader) => listSchedules(reader, { schedule }));
  // Deleted while Temporal was out of reach, or told again by who had read the log before.
  if (!row) return deleteTemporalSchedule(context.starter, tenant, schedule);
  if (row.message === forgottenText) return;
  const { thread, branch, agent, user, message } = row;
  const turn = `${schedule}@${due}`;
  await requestTurn(
    { ...context, tenant },
    { turn, thread, branch, agent, message, occurredAt: new Date(due), ...(user === null ? {} : { user }) },
  );
  // Sent before and over: nobody has to be at it.
  const known = await readViews(context.pool, number, (reader) => findTurn(reader, turn));
  if (known && known.status !== 'running' && known.status !== 'waiting') return;
  await ensureRunning(context.starter, { tenant, thread, branch, turn, agent });
}
