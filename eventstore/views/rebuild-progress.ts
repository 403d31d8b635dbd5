/** What a rebuild tells about itself while it runs. */
export type RebuildProgress =
  /** Another rebuild or migration has to end first. */
  | { readonly step: 'waiting' }
  /** Shadow tables are there; `resumed` ones were filled in part by a run that was killed. */
  | { readonly step: 'prepared'; readonly views: readonly string[]; readonly resumed: boolean }
  /** A page was applied. `events` of `total` are folded; logs may have grown since `total` was counted. */
  | {
      readonly step: 'folding';
      readonly events: number;
      readonly total: number;
      readonly eventsPerSecond: number;
      /** Time left at this speed. */
      readonly leftMs: number;
    }
  | { readonly step: 'indexing' | 'comparing' | 'handing over' | 'tidying' }
  /** Others did not let go; it will try again. */
  | { readonly step: 'blocked'; readonly why: 'readers' | 'appends' | 'tail'; readonly attempt: number }
  | { readonly step: 'handed over'; readonly pauseMs: number };

/** A line about a progress, for people. */
export function describeProgress(progress: RebuildProgress): string {
  switch (progress.step) {
    case 'waiting':
      return 'another rebuild or migration runs; waiting for it';
    case 'prepared':
      return `${progress.resumed ? 'going on with' : 'building'} ${progress.views.length} views: ${progress.views.join(', ')}`;
    case 'folding': {
      const { events, total, eventsPerSecond, leftMs } = progress;
      const speed = `${Math.round(eventsPerSecond).toLocaleString('en')} events/s`;
      return `folded ${events.toLocaleString('en')} of ${total.toLocaleString('en')} events, ${speed}, ${Math.ceil(leftMs / 1_000)} s left`;
    }
    case 'blocked':
      return `hand-over tried ${progress.attempt} times; ${blockedBy[progress.why]}`;
    case 'handed over':
      return `handed over; appends waited ${Math.round(progress.pauseMs)} ms`;
    default:
      return progress.step;
  }
}

/** What keeps a hand-over from being made, in words. */
export const blockedBy = {
  readers: 'reading transactions did not end',
  appends: 'appending transactions did not end',
  tail: 'the logs grew faster than they were folded',
} as const;

/** Gives lines to `say`: every step, and how far the fold is about once a second. */
export function progressLines(say: (line: string) => void): (progress: RebuildProgress) => void {
  let said = -Infinity;
  let wasWhole = false;
  return (progress) => {
    if (progress.step === 'folding') {
      const now = performance.now();
      const isWhole = progress.events >= progress.total;
      if (now - said < 1_000 && (wasWhole || !isWhole)) return;
      said = now;
      wasWhole = isWhole;
    }
    say(describeProgress(progress));
  };
}

/** Counts folded events and reports them with speed and time left. */
export function countFolded(
  total: number,
  report: (progress: RebuildProgress) => void,
): { add(events: number): void; readonly events: number } {
  const began = performance.now();
  let events = 0;
  return {
    add(more) {
      events += more;
      const eventsPerSecond = (events * 1_000) / Math.max(1, performance.now() - began);
      const leftMs = (Math.max(0, total - events) * 1_000) / eventsPerSecond;
      report({ step: 'folding', events, total: Math.max(total, events), eventsPerSecond, leftMs });
    },
    get events() {
      return events;
    },
  };
}
