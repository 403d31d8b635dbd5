/**
 * When turns are read for memories. `true`: each behind its reply. `'manual'`: when somebody asks (`memory.extract`). With `everyTurns`, once that
 * many turns of a thread wait; with `afterIdleMs`, once nothing has happened in the thread for as long; with both, whichever comes first.
 * `false`: never.
 */
export type ExtractTrigger = boolean | 'manual' | { readonly everyTurns?: number; readonly afterIdleMs?: number };

/** What becomes of a turn that has ended: it is read at once, it waits, or it is not read. */
export function extractsWhen(trigger: ExtractTrigger): 'now' | 'later' | 'never' {
  if (typeof trigger === 'boolean') return trigger ? 'now' : 'never';
  return 'later';
}

/**
 * How long until turns that wait are to be read, in milliseconds: 0 = now, null = not before somebody asks, or more of them wait.
 * @param waiting how many wait
 * @param idleMs for how long nothing has happened in the thread
 */
export function dueInMs(
  trigger: ExtractTrigger,
  { waiting, idleMs }: { readonly waiting: number; readonly idleMs: number },
): number | null {
  // Those that an earlier version of the agent left waiting.
  if (trigger === true) return waiting > 0 ? 0 : null;
  if (waiting === 0 || typeof trigger !== 'object') return null;
  const { everyTurns = Infinity, afterIdleMs } = trigger;
  if (waiting >= everyTurns) return 0;
  return afterIdleMs === undefined ? null : Math.max(0, afterIdleMs - idleMs);
}
