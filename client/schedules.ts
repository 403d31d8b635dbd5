import { isDeepStrictEqual } from 'node:util';
import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import type { ScheduleTiming } from '../memory/schedule-events.ts';
import { commands, streams } from '../memory/keys.ts';
import { userSubject } from '../memory/subject.ts';
import { readViews } from '../projections/read-views.ts';
import type { ScheduleRow } from '../projections/schedules/queries.ts';
import { listSchedules } from '../projections/schedules/queries.ts';
import { isActor } from './actor.ts';
import {
  InvalidScheduleError,
  ScheduleNotKnownError,
  ScheduleTakenError,
  TemporalUnavailableError,
} from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';
import { deleteTemporalSchedule, ensureTemporalSchedule } from './temporal-schedule.ts';

/** When a schedule fires: exactly one of the three. Cron is UTC. */
export type ScheduleTimes =
  | { readonly cron: string; readonly everyMs?: never; readonly at?: never }
  | { readonly everyMs: number; readonly cron?: never; readonly at?: never }
  | { readonly at: Date; readonly cron?: never; readonly everyMs?: never };

/** A message that a timer sends. */
export type CreateSchedule = ScheduleTimes & {
  /** Chosen by the caller: creating the same again changes nothing. */
  readonly id: string;
  readonly agent: string;
  readonly thread: string;
  /** @default 'main' */
  readonly branch?: string;
  /** Whose turns they are. @default nobody */
  readonly user?: string;
  readonly message: string;
};

/** A schedule, and whether Temporal knows of it as it stands. */
export interface ScheduleOutcome extends ScheduleRow {
  /** False while Temporal is out of reach: the sweeper tells it. */
  readonly told: boolean;
}

/**
 * Has a timer start turns. The message stands in the log, Temporal holds references. Each turn is named by the schedule and the time it
 * was due (`<id>@<time>`), so it happens once. Throws InvalidScheduleError, ScheduleTakenError and the errors of the store.
 */
export async function createSchedule(context: ClientContext, request: CreateSchedule): Promise<ScheduleOutcome> {
  const { id, agent, thread, branch = 'main', user = null, message } = request;
  const timing = timingOf(request);
  for (const [name, value] of Object.entries({ id, agent, thread, branch, ...(user === null ? {} : { user }) })) {
    if (typeof value !== 'string' || value === '' || !value.isWellFormed() || encodeURIComponent(value).length > 150)
      throw new InvalidScheduleError(`The ${name} must have 1 to 150 plain characters.`, `Give another ${name}.`);
  }
  if (message.trim() === '' || message.length > 100_000)
    throw new InvalidScheduleError('A message needs 1 to 100000 characters.', 'Give the words to send.');
  const definition = { schedule: id, thread, branch, agent, user, message, timing };
  const known = await findSchedule(context, id);
  if (known) {
    const { paused: _paused, position: _position, ...stands } = known;
    if (!isDeepStrictEqual(stands, definition)) throw new ScheduleTakenError(id);
  } else {
    const stream = streams.schedule(id);
    const version = (await Array.fromAsync(context.store.readStream(context.tenant, stream))).length;
    await context.store.append(context.tenant, {
      id: commands.schedule(id, version),
      streams: [{ name: stream, expectedVersion: version === 0 ? 'none' : version }],
      events: [
        { type: 'ScheduleDefined', stream, subjects: user === null ? [] : [userSubject(user)], data: definition },
      ],
      meta: { actor: user === null ? 'client' : userSubject(user) },
    });
  }
  const row = await getSchedule(context, id);
  try {
    return { ...row, told: await tell(context, () => ensureTemporalSchedule(context.starter, context.tenant, row)) };
  } catch (error) {
    // Temporal reads cron expressions, we do not: what it refuses is taken back.
    if (!isRefusal(error)) throw error;
    await changeSchedule(context, id, { state: 'deleted', actor: 'holdfast:refused' });
    throw new InvalidScheduleError(`Temporal refuses this schedule: ${error.message}`, 'Correct its timing.');
  }
}

/** Schedules of the tenant, as the log has them. */
export async function readSchedules(context: ClientContext): Promise<ScheduleRow[]> {
  return readViews(context.pool, await context.store.tenantNumber(context.tenant), (reader) => listSchedules(reader));
}

/**
 * Pauses, resumes or deletes a schedule, in the log first; turns that it has started go on. Throws ScheduleNotKnownError,
 * InvalidScheduleError and the errors of the store.
 */
export async function changeSchedule(
  context: ClientContext,
  id: string,
  { state, actor }: { readonly state: 'paused' | 'active' | 'deleted'; readonly actor: string },
): Promise<ScheduleOutcome> {
  if (!isActor(actor))
    throw new InvalidScheduleError('A change needs an actor of 1 to 200 plain characters.', 'Say who (`--actor`).');
  const before = await getSchedule(context, id);
  const after = { ...before, paused: state === 'paused' };
  if (state === 'deleted' || before.paused !== after.paused) {
    const stream = streams.schedule(id);
    const version = (await Array.fromAsync(context.store.readStream(context.tenant, stream))).length;
    await context.store.append(context.tenant, {
      id: commands.schedule(id, version),
      streams: [{ name: stream, expectedVersion: version }],
      events: [{ type: 'ScheduleChanged', stream, data: { schedule: id, state, actor } }],
      meta: { actor },
    });
  }
  const told = await tell(context, () =>
    state === 'deleted'
      ? deleteTemporalSchedule(context.starter, context.tenant, id)
      : ensureTemporalSchedule(context.starter, context.tenant, after),
  );
  return { ...after, told };
}

async function findSchedule(context: ClientContext, id: string): Promise<ScheduleRow | undefined> {
  const tenant = await context.store.tenantNumber(context.tenant);
  return (await readViews(context.pool, tenant, (reader) => listSchedules(reader, { schedule: id })))[0];
}

async function getSchedule(context: ClientContext, id: string): Promise<ScheduleRow> {
  const row = await findSchedule(context, id);
  if (!row) throw new ScheduleNotKnownError(id);
  return row;
}

/** False when Temporal is out of reach. */
async function tell(context: ClientContext, work: () => Promise<void>): Promise<boolean> {
  try {
    await context.assertConnected();
    await work();
    return true;
  } catch (error) {
    if (isRefusal(error)) throw error;
    if (error instanceof TemporalUnavailableError || error instanceof ServiceError || isGrpcServiceError(error))
      return false;
    throw error;
  }
}

/** The SDK's word for a timing that the server does not accept. */
function isRefusal(error: unknown): error is TypeError {
  return error instanceof TypeError;
}

const never: ScheduleTiming = { cron: null, everyMs: null, at: null };

function timingOf({ cron, everyMs, at }: CreateSchedule): ScheduleTiming {
  if ([cron, everyMs, at].filter((one) => one !== undefined).length !== 1)
    throw new InvalidScheduleError('A schedule needs exactly one of cron, everyMs and at.', 'Give one of them.');
  if (cron !== undefined) {
    if (!/^\S+( \S+){4,6}$/.test(cron))
      throw new InvalidScheduleError(`"${cron}" is no cron expression of 5 to 7 fields.`, 'For example "0 9 * * 1".');
    return { ...never, cron };
  }
  if (everyMs !== undefined) {
    if (!Number.isSafeInteger(everyMs) || everyMs < 1_000)
      throw new InvalidScheduleError(`everyMs must be a whole number from 1000 on; it is ${everyMs}.`, 'Give more.');
    return { ...never, everyMs };
  }
  if (Number.isNaN(at.getTime()) || at.getTime() <= Date.now())
    throw new InvalidScheduleError('`at` must be a time to come.', 'Send the message now, or give a later time.');
  // Temporal's calendars know whole seconds.
  return { ...never, at: new Date(Math.ceil(at.getTime() / 1_000) * 1_000).toISOString() };
}
