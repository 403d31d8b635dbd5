import type { Event } from './event-shape.ts';

/** When a schedule fires: one of the three. Cron is UTC; `at` is ISO 8601. */
export interface ScheduleTiming {
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly at: string | null;
}

/** A timer starts turns from here on. */
export type ScheduleDefined = Event<
  'ScheduleDefined',
  {
    schedule: string;
    thread: string;
    branch: string;
    agent: string;
    user: string | null;
    message: string;
    timing: ScheduleTiming;
  }
>;
export type ScheduleChanged = Event<
  'ScheduleChanged',
  { schedule: string; state: 'paused' | 'active' | 'deleted'; actor: string }
>;
