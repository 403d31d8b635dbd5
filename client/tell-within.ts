import type { ClientContext } from './send-turn.ts';

export interface TellOptions {
  /**
   * How long to try to tell the turn's workflow. What is recorded stands all the same (`told` is false then, and the turn finds out by
   * itself). @default 10000
   */
  readonly timeoutMs?: number;
  /** Stops telling with the signal's reason. What was recorded before stands. */
  readonly signal?: AbortSignal;
}

/** Runs a call whose requests to Temporal end at a deadline, or when the signal aborts. Throws the signal's reason. */
export async function tellWithin<T>(
  context: ClientContext,
  { timeoutMs = 10_000, signal }: TellOptions,
  call: (context: ClientContext) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const { connection } = context.starter.temporal;
  const within = { ...context, assertConnected: () => context.assertConnected(timeoutMs) };
  const bounded = (): Promise<T> => connection.withDeadline(Date.now() + timeoutMs, () => call(within));
  const result = await (signal ? connection.withAbortSignal(signal, bounded) : bounded());
  signal?.throwIfAborted();
  return result;
}
