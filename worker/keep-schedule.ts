import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { ActivityDeps } from '../activities/deps.ts';

export interface KeepScheduleOptions {
  readonly client: Client;
  readonly taskQueue: string;
  /** Id of the schedule, and of the workflows it starts. */
  readonly scheduleId: string;
  readonly workflow: string;
  /** Its arguments; those of a schedule that is there already stay. @default none */
  readonly args?: readonly unknown[];
  /** Pause between rounds, in milliseconds. */
  readonly everyMs: number;
  readonly log: ActivityDeps['log'];
}

/** How often a worker sees to it that the schedule is there: a server that was wiped has lost it. */
const lookEveryMs = 10_000;

/**
 * Keeps a schedule of the workers' own in Temporal for as long as the worker runs. Any number of workers of a task queue do so; the
 * schedule is there once. It stays when they stop: the next worker does what has piled up.
 */
export function keepSchedule({
  client,
  taskQueue,
  scheduleId,
  workflow,
  args = [],
  everyMs,
  log,
}: KeepScheduleOptions): {
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  const loop = (async () => {
    let pause = 1_000;
    while (!isStopping()) {
      try {
        await client.withAbortSignal(stopping.signal, ensureSchedule);
        pause = lookEveryMs;
      } catch (error) {
        if (!isStopping()) log('warn', 'not scheduled; will try again', { scheduleId, error: String(error) });
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
    const spec = { intervals: [{ every: everyMs }] };
    try {
      await client.schedule.create({
        scheduleId,
        spec,
        // Missed rounds are not made up for: one does the work of all.
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
        action: { type: 'startWorkflow', workflowType: workflow, workflowId: scheduleId, taskQueue, args: [...args] },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(scheduleId);
      const known = (await handle.describe()).spec.intervals?.[0]?.every;
      if (known !== everyMs) await handle.update((schedule) => ({ ...schedule, spec }));
    }
  }
}
