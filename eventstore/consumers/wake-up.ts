import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

const channel = 'holdfast_appended';
const reconnectMs = 1_000;

/** Tells consumers that there is something new, so that they need not wait for their next look. Losing it costs time, nothing else. */
export interface WakeUp {
  /**
   * Says that something was committed: to listeners of this process at once, to others by NOTIFY on a connection of its own, at most once
   * per interval. Call it after a commit, never inside a transaction. Never throws.
   */
  signal(): void;
  /** Calls the listener after every signal of any process; gives what ends that. */
  listen(listener: () => void): () => void;
  /** Ends sending and listening; the pool stays open. */
  close(): Promise<void>;
}

export interface WakeUpOptions {
  /** Needs one connection while somebody listens, and one now and then. The caller ends the pool, after closing this. */
  readonly pool: pg.Pool;
  /** Shortest time between two NOTIFYs of this process: each takes a lock on the whole server when it commits. @default 50 */
  readonly intervalMs?: number;
}

/** Makes the wake-up of a process, shared by its store and its consumers. */
export function createWakeUp({ pool, intervalMs = 50 }: WakeUpOptions): WakeUp {
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  let sending: Promise<void> | undefined;
  let signalled = false;
  let listening: Promise<void> | undefined;
  const isClosed = (): boolean => closing.signal.aborted;
  const wakeListeners = (): void => {
    for (const listener of listeners) listener();
  };

  async function send(): Promise<void> {
    while (signalled && !isClosed()) {
      signalled = false;
      await pool.query(`notify ${channel}`).catch(() => undefined);
      await delay(intervalMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
    sending = undefined;
  }

  async function receive(): Promise<void> {
    while (!isClosed()) {
      await receiveOnce().catch(() => undefined);
      await delay(reconnectMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  /** Ends when the connection breaks, or this is closed. */
  async function receiveOnce(): Promise<void> {
    const client = await pool.connect();
    const ended = Promise.withResolvers<null>();
    const end = (): void => ended.resolve(null);
    client.on('error', end).on('end', end).on('notification', wakeListeners);
    closing.signal.addEventListener('abort', end);
    try {
      await client.query(`listen ${channel}`);
      // What was signalled while nobody listened.
      wakeListeners();
      await ended.promise;
    } finally {
      closing.signal.removeEventListener('abort', end);
      client.off('notification', wakeListeners);
      // Another user of the connection must not go on listening.
      client.release(true);
    }
  }

  return {
    signal() {
      if (isClosed()) return;
      wakeListeners();
      signalled = true;
      sending ??= send();
    },
    listen(listener) {
      listeners.add(listener);
      listening ??= receive();
      return () => void listeners.delete(listener);
    },
    close: async () => {
      closing.abort();
      await Promise.all([sending, listening]);
    },
  };
}
