import { isDeepStrictEqual } from 'node:util';
import { ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import type { ScheduleHandle, ScheduleSpec } from '@temporalio/client';
import type { ScheduleTiming } from '../memory/schedule-events.ts';
import type { ScheduleRow } from '../projections/schedules/queries.ts';
import { scheduledTurnWorkflow } from '../workflows/messages.ts';
import type { TurnStarter } from './start-turn.ts';

/** Id of a schedule in Temporal: one per deployment, tenant and chosen id. */
export function temporalScheduleId(taskQueue: string, tenant: string, schedule: string): string {
  return [taskQueue, 'schedule', tenant, schedule].map(encodeURIComponent).join('/');
}

/** The handle of a schedule in Temporal. */
export function scheduleHandle({ temporal, taskQueue }: TurnStarter, tenant: string, schedule: string): ScheduleHandle {
  return temporal.schedule.getHandle(temporalScheduleId(taskQueue, tenant, schedule));
}

/**
 * Makes Temporal hold what the log says: a schedule that is missing is made, one of other times (of an id that was deleted and made anew)
 * is replaced, one that is there is paused or goes on.
 */
export async function ensureTemporalSchedule(
  starter: TurnStarter,
  tenant: string,
  { schedule, timing, paused }: ScheduleRow,
): Promise<void> {
  const { temporal, taskQueue } = starter;
  const scheduleId = temporalScheduleId(taskQueue, tenant, schedule);
  const action = {
    type: 'startWorkflow' as const,
    workflowType: scheduledTurnWorkflow,
    workflowId: scheduleId,
    taskQueue,
    args: [{ tenant, schedule }],
  };
  const create = (): Promise<unknown> =>
    temporal.schedule.create({
      scheduleId,
      spec: specOf(timing),
      // What was missed while the server was down is sent late rather than never, but not a day late.
      policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1h' },
      action,
      state: { paused, ...(timing.at !== null ? { remainingActions: 1 } : {}) },
      // The server keeps times in words of its own, which cannot be compared.
      memo: { timing },
    });
  try {
    await create();
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const handle = temporal.schedule.getHandle(scheduleId);
    const { state, memo } = await handle.describe();
    if (!isDeepStrictEqual(memo?.['timing'], timing)) {
      await deleteTemporalSchedule(starter, tenant, schedule);
      await create();
      return;
    }
    if (state.paused === paused) return;
    await (paused ? handle.pause() : handle.unpause());
  }
}

/** Removes a schedule from Temporal; nothing happens when it is not there. */
export async function deleteTemporalSchedule(starter: TurnStarter, tenant: string, schedule: string): Promise<void> {
  try {
    await scheduleHandle(starter, tenant, schedule).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

const months = ['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY'] as const;
const laterMonths = ['AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const;

function specOf(timing: ScheduleTiming): ScheduleSpec {
  if (timing.cron !== null) return { cronExpressions: [timing.cron] };
  if (timing.everyMs !== null) return { intervals: [{ every: timing.everyMs }] };
  const at = new Date(timing.at ?? Number.NaN);
  return {
    calendars: [
      {
        year: at.getUTCFullYear(),
        month: [...months, ...laterMonths][at.getUTCMonth()] ?? 'JANUARY',
        dayOfMonth: at.getUTCDate(),
        hour: at.getUTCHours(),
        minute: at.getUTCMinutes(),
        second: at.getUTCSeconds(),
      },
    ],
  };
}
