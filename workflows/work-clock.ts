/** Counts the milliseconds a turn works. */
export interface WorkClock {
  /** Stops counting until `resume` was called as often. */
  pause(): void;
  resume(): void;
  /** Counts from here on, at least: a run that finds its steps recorded must not forget what they took. */
  atLeast(milliseconds: number): void;
  worked(): number;
}

/** Starts a clock in the workflow's own time, which replays and other workers agree on. */
export function startWorkClock(): WorkClock {
  let worked = 0;
  let pauses = 0;
  let since = Date.now();
  const now = (): number => worked + (pauses > 0 ? 0 : Date.now() - since);
  return {
    pause: () => {
      worked = now();
      pauses += 1;
    },
    resume: () => {
      pauses -= 1;
      since = Date.now();
    },
    atLeast: (milliseconds) => {
      worked = Math.max(now(), milliseconds);
      since = Date.now();
    },
    worked: now,
  };
}
