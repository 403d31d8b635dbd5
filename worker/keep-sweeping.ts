import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { ActivityDeps } from '../activities/deps.ts';
import type { SweepActivities, SweepReport } from '../activities/types.ts';
import type { ClientContext } from '../client/send-turn.ts';
import { sweepTenant } from '../client/sweep-tenant.ts';
import { sweepWorkflow } from '../workflows/messages.ts';

/** Id of the schedule that sweeps the tenants of a deployment. */
export function sweepScheduleId(taskQueue: string): string {
  return `sweep/${taskQueue}`;
}

export interface KeepSweepingOptions {
  readonly client: Client;
  readonly taskQueue: string;
  /** Pause between rounds, in milliseconds. */
  readonly everyMs: number;
  readonly log: ActivityDeps['log'];
}

/** How often a worker sees to it that the schedule is there: a server that was wiped has lost it. */
const lookEveryMs = 10_000;

/**
 * Keeps the schedule of the sweeper in Temporal for as long as the worker runs. Any number of workers of a task queue do so; the
 * schedule is there once. It stays when they stop: the next worker does what has piled up.
 */
export function keepSweeping({ client, taskQueue, everyMs, log }: KeepSweepingOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  const loop = (async () => {
    let pause = 1_000;
    while (!isStopping()) {
      try {
        await client.withAbortSignal(stopping.signal, ensureSchedule);
        pause = lookEveryMs;
      } catch (error) {
        if (!isStopping()) log('warn', 'the sweeper is not scheduled; will try again', { error: String(error) });
        pause = Math.min(pause * 2, lookEveryMs);
      }
      await delay(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await loop;
    },
  };

  async function ensureSchedule(): Promise<void> {
    const scheduleId = sweepScheduleId(taskQueue);
    const spec = { intervals: [{ every: everyMs }] };
    try {
      await client.schedule.create({
        scheduleId,
        spec,
        // Missed rounds are not made up for: one does the work of all.
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
        action: { type: 'startWorkflow', workflowType: sweepWorkflow, workflowId: scheduleId, taskQueue, args: [] },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(scheduleId);
      const known = (await handle.describe()).spec.intervals?.[0]?.every;
      if (known !== everyMs) await handle.update((schedule) => ({ ...schedule, spec }));
    }
  }
}

/** Gives the sweeper's activity over the tenants of a worker. */
export function createSweepActivities(
  context: Pick<ClientContext, 'store' | 'pool' | 'starter'>,
  {
    tenants,
    graceMs,
    log,
  }: { readonly tenants: readonly string[]; readonly graceMs: number; readonly log: ActivityDeps['log'] },
): SweepActivities {
  return {
    async sweep() {
      const { heartbeat, cancellationSignal } = Context.current();
      const beat = setInterval(() => heartbeat(), 5_000);
      const total = { looked: 0, started: 0, closed: 0, told: 0, cancelled: 0, failed: 0 };
      try {
        for (const tenant of tenants) {
          const report = await sweepTenant(
            { ...context, tenant },
            {
              graceMs,
              signal: cancellationSignal,
              onFailure: (what, error) =>
                log('warn', 'not repaired; the next round tries again', { tenant, what, error: String(error) }),
            },
          );
          for (const name of Object.keys(total) as (keyof SweepReport)[]) total[name] += report[name];
          const { started, closed, told, cancelled } = report;
          if (started + closed + told + cancelled > 0) log('info', 'the sweeper repaired turns', { tenant, ...report });
        }
      } finally {
        clearInterval(beat);
      }
      return total;
    },
  };
}
