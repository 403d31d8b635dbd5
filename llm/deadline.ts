/** Ends a call on silence or on the caller's wish, and remembers which of the two it was. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Starts the wait anew: something arrived. */
  touch(): void;
  /** Why the call was ended, `no` while it was not. */
  ended(): 'no' | 'aborted' | 'timeout';
  /** Releases timer and listener. Call it in a `finally`. */
  clear(): void;
}

/**
 * Gives a deadline over `timeoutMs` of silence and the caller's signal. Not `AbortSignal.any`: a combined signal cannot
 * say which part fired, and it stays registered with a long-lived caller's signal.
 */
export function startDeadline(timeoutMs: number, caller?: AbortSignal): Deadline {
  const controller = new AbortController();
  let ended: 'no' | 'aborted' | 'timeout' = 'no';
  const end = (reason: 'aborted' | 'timeout'): void => {
    if (ended !== 'no') return;
    ended = reason;
    controller.abort();
  };
  const onAbort = (): void => end('aborted');
  const timer = setTimeout(() => end('timeout'), timeoutMs);
  caller?.addEventListener('abort', onAbort, { once: true });
  if (caller?.aborted === true) end('aborted');
  return {
    signal: controller.signal,
    touch: () => {
      if (ended === 'no') timer.refresh();
    },
    ended: () => ended,
    clear: () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', onAbort);
    },
  };
}
