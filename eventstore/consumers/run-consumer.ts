import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { ConsumerWrites } from './commit-batch.ts';
import { claimLogs } from './consumer-lease.ts';
import { InvalidConsumerError } from '../errors-consumer.ts';
import type { EventShape, Position, StoredEvent } from '../event.ts';
import { createFollower, textOf } from './follow-log.ts';
import type { LogSchema } from '../log-schema.ts';
import type { WakeUp } from './wake-up.ts';

/** Events of one tenant, in order, for a handler. */
export interface ConsumerBatch<E extends EventShape> {
  readonly tenant: string;
  /** Number of the tenant, for `withTenant`. */
  readonly tenantNumber: number;
  /** At least one. */
  readonly events: readonly StoredEvent<E>[];
  /** The newest position of the log when the events were read. */
  readonly head: Position;
  /** How often the first event has failed before. */
  readonly failures: number;
  /** Aborts when the consumer stops, or has lost its lease. */
  readonly signal: AbortSignal;
}

export interface ConsumerOptions<E extends EventShape> {
  /** Sessions must work as the application role (see openPool). The caller ends the pool, after the consumer has ended. */
  readonly pool: pg.Pool;
  readonly schema: LogSchema<E>;
  /** Consumers of one name share the logs; each log is handled by one of them at a time, in order. */
  readonly name: string;
  /**
   * Does something outside the log about events. What it does itself may happen again when its process dies: use (tenant, position) as
   * key. What the function it returns writes by the client happens exactly once, in the transaction that moves the consumer, bound to
   * the tenant by row-level security; that function must neither commit nor roll back.
   *
   * When it throws, the batch is tried again, event by event; an event that fails `maxAttempts` times is parked. Errors that say they are
   * `retryable` (a HoldfastError of a model that is overloaded, say) are tried again without end.
   */
  readonly handle: (batch: ConsumerBatch<E>) => Promise<ConsumerWrites | undefined>;
  /** Only events of these types; the others are passed over. @default all */
  readonly types?: readonly E['type'][];
  /** Most events of one batch, 1 to 10000. @default 100 */
  readonly batchSize?: number;
  /** Logs handled at the same time by this process. @default 4 */
  readonly concurrency?: number;
  /** Pause between looks while there is nothing to do. @default 1000 */
  readonly pollMs?: number;
  /** The same right after there was something. @default 50 */
  readonly busyPollMs?: number;
  /** A log of a process that died is taken over after this long. Renewed while a handler runs. @default 30000 */
  readonly leaseMs?: number;
  /** Failures of one event before it is parked. @default 8 */
  readonly maxAttempts?: number;
  /** Pause after the first failure of an event; doubled with each, up to a minute. @default 500 */
  readonly backoffMs?: number;
  /** What becomes of a log whose event is parked: it waits for a decision, or goes on behind it. @default 'stop' */
  readonly onParked?: 'stop' | 'continue';
  /** Where a consumer of a new name begins in logs that exist already; in later ones it begins with their first event. @default 'beginning' */
  readonly startAt?: 'beginning' | 'head';
  /** Shortens the wait for new events. @default none */
  readonly wakeUp?: WakeUp;
  /** Ends the consumer. */
  readonly signal: AbortSignal;
  readonly log?: (level: 'info' | 'warn' | 'error', message: string, details: Record<string, unknown>) => void;
}

/**
 * Handles the events of every tenant's log in order, until the signal aborts; then it ends what runs and resolves. Looking is what finds
 * events; a wake-up only shortens the wait. A broken database is waited for. Throws InvalidConsumerError.
 */
export async function runConsumer<E extends EventShape>(options: ConsumerOptions<E>): Promise<void> {
  const { pool, name, startAt, wakeUp, signal, log = () => undefined } = options;
  const { concurrency = 4, pollMs = 1_000, busyPollMs = 50, leaseMs = 30_000 } = options;
  checkOptions(options);
  const follow = createFollower(options);
  const owner = `${hostname()}/${process.pid}/${randomUUID()}`;
  const running = new Set<Promise<void>>();
  let woken = Promise.withResolvers<null>();
  const wake = (): void => woken.resolve(null);
  const stopListening = wakeUp?.listen(wake);
  signal.addEventListener('abort', wake);
  let pauseMs = busyPollMs;
  try {
    while (!signal.aborted) {
      woken = Promise.withResolvers<null>();
      const limit = concurrency - running.size;
      const claim = { consumer: name, owner, leaseMs, limit, atHead: startAt === 'head' };
      const leases =
        limit === 0
          ? []
          : await claimLogs(pool, claim).catch((error: unknown) => {
              log('warn', 'a consumer cannot look for events; it will look again', {
                consumer: name,
                error: textOf(error),
              });
              return null;
            });
      for (const lease of leases ?? []) {
        const done: Promise<void> = follow(lease).finally(() => {
          running.delete(done);
          // There may be more of this log, and there is room for others.
          wake();
        });
        running.add(done);
      }
      pauseMs = leases && leases.length > 0 ? busyPollMs : Math.min(pollMs, pauseMs * 2);
      const pause = new AbortController();
      await Promise.race([
        woken.promise.then(() => (pauseMs = busyPollMs)),
        delay(running.size > 0 ? busyPollMs : pauseMs, undefined, { signal: pause.signal }).catch(() => undefined),
      ]);
      pause.abort();
    }
  } finally {
    stopListening?.();
    signal.removeEventListener('abort', wake);
    await Promise.all(running);
  }
}

function checkOptions<E extends EventShape>(options: ConsumerOptions<E>): void {
  if (options.name === '' || Buffer.byteLength(options.name) > 200 || /[\0\ud800-\udfff]/u.test(options.name)) {
    throw new InvalidConsumerError('name', 'plain text of 1 to 200 bytes', JSON.stringify(options.name));
  }
  const ranges = {
    batchSize: [1, 10_000],
    concurrency: [1, 1_000],
    pollMs: [1, 3_600_000],
    busyPollMs: [1, 3_600_000],
    leaseMs: [100, 3_600_000],
    maxAttempts: [1, 1_000],
    backoffMs: [0, 60_000],
  } as const;
  for (const [what, [least, most]] of Object.entries(ranges)) {
    const value = options[what as keyof typeof ranges];
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) continue;
    throw new InvalidConsumerError(what, `a whole number from ${least} to ${most}`, value);
  }
}
