import { HoldfastError } from '../../errors/holdfast-error.ts';
import { commitBatch } from './commit-batch.ts';
import type { ConsumerLease, Failure } from './consumer-lease.ts';
import { parkEvent, releaseLease, renewLease } from './consumer-lease.ts';
import { createDecoder } from '../read/decode-events.ts';
import { ConsumerLeaseLostError } from '../errors-consumer.ts';
import { StoreRefusedError } from '../errors-store.ts';
import { UnknownTenantError } from '../errors.ts';
import type { EventShape } from '../event.ts';
import { explainFailure } from '../explain-failure.ts';
import type { Batch } from './read-batch.ts';
import { readBatch } from './read-batch.ts';
import type { ConsumerOptions } from './run-consumer.ts';

const longestBackoffMs = 60_000;
/** Batches of one log before others get their turn. */
const batchesPerLease = 10;
const longestError = 500;

/** Handles leased logs. What it gives never rejects: failures are recorded with the consumer's place, and logged. */
export function createFollower<E extends EventShape>(
  options: ConsumerOptions<E>,
): (lease: ConsumerLease) => Promise<void> {
  const { pool, schema, handle, types, signal, onParked = 'stop', log = () => undefined } = options;
  const { batchSize = 100, leaseMs = 30_000, maxAttempts = 8, backoffMs = 500 } = options;
  const decode = createDecoder(schema);

  return async (lease) => {
    const renewal = keepRenewed(lease);
    try {
      await followLog(lease, AbortSignal.any([signal, renewal.lost]));
    } catch (error) {
      // The lease runs out by itself when even this cannot be told to the database.
      log('warn', 'a consumer could not give a log back', detailsOf(lease, error));
    } finally {
      renewal.stop();
    }
  };

  async function followLog(first: ConsumerLease, stopping: AbortSignal): Promise<void> {
    let lease = first;
    for (let batches = 1; ; batches++) {
      const careful = lease.position < lease.carefulUntil;
      let batch: Batch<E>;
      try {
        batch = await readBatch({ pool, decode, lease, types, limit: careful ? 1 : batchSize });
      } catch (error) {
        await recordFailure(lease, error, null);
        return;
      }
      if (batch.to === lease.position && lease.redo === null) break;
      const keep = lease.redo === null && batch.to < batch.head && batches < batchesPerLease && !stopping.aborted;
      try {
        await handleBatch(lease, batch, { stopping, keep });
      } catch (error) {
        if (stopping.aborted && !(error instanceof ConsumerLeaseLostError))
          await releaseLease(pool, lease, { error: null });
        else await recordFailure(lease, error, batch);
        return;
      }
      if (!keep) return;
      lease = { ...lease, position: batch.to, attempts: 0 };
    }
    await releaseLease(pool, lease, { error: null });
  }

  async function handleBatch(
    lease: ConsumerLease,
    { events, to, head }: Batch<E>,
    { stopping, keep }: { readonly stopping: AbortSignal; readonly keep: boolean },
  ): Promise<void> {
    const { no, id } = lease.tenant;
    const batch = { tenant: id, tenantNumber: no, events, head, failures: lease.attempts, signal: stopping };
    const writes = events.length === 0 ? undefined : await handle(batch);
    await commitBatch(pool, {
      lease,
      to,
      writes: writes ?? null,
      keepMs: keep ? leaseMs : null,
      durable: events.length > 0,
    });
  }

  /** `batch` is what was handled; null when it could not even be read, which is no event's fault. */
  async function recordFailure(lease: ConsumerLease, thrown: unknown, batch: Batch<E> | null): Promise<void> {
    const error = explainFailure(thrown);
    // Somebody else goes on, or nobody needs to.
    if (error instanceof ConsumerLeaseLostError || error instanceof UnknownTenantError) {
      log('info', 'a consumer has lost a log', detailsOf(lease, error));
      return;
    }
    const text = textOf(error).slice(0, longestError);
    const attempts = lease.attempts + 1;
    const event = batch?.events[0];
    const mayPark = event !== undefined && !isPassing(error);
    log('warn', 'a consumer has failed', { ...detailsOf(lease, error), position: event?.position, attempts });
    if (mayPark && batch && batch.events.length > 1) {
      // One of them is to blame; alone, it will show.
      const last = batch.events.at(-1)?.position ?? batch.to;
      await releaseLease(pool, lease, { error: text, retryMs: 0, carefulUntil: last });
      return;
    }
    if (mayPark && (attempts >= maxAttempts || lease.redo !== null)) {
      await parkEvent(pool, lease, { position: event.position, attempts, error: text, stop: onParked === 'stop' });
      log('error', 'a consumer has parked an event', {
        ...detailsOf(lease, error),
        position: event.position,
        attempts,
      });
      return;
    }
    const failure: Failure = { error: text, retryMs: Math.min(longestBackoffMs, backoffMs * 2 ** (attempts - 1)) };
    await releaseLease(pool, lease, failure);
  }

  /** Renews a lease while its log is handled; `lost` aborts when somebody else has it. */
  function keepRenewed(lease: ConsumerLease): { readonly lost: AbortSignal; stop(): void } {
    const lost = new AbortController();
    const timer = setInterval(() => {
      renewLease(pool, lease, leaseMs).then(
        (renewed) => renewed || lost.abort(new ConsumerLeaseLostError(lease.consumer, lease.tenant.id)),
        // The database is away: the commit will tell.
        () => undefined,
      );
    }, leaseMs / 3);
    return { lost: lost.signal, stop: () => clearInterval(timer) };
  }
}

/** True for what may be over at the next attempt, whatever the event says. */
function isPassing(error: unknown): boolean {
  // A right that a handler's own statement lacks it will lack tomorrow.
  if (error instanceof StoreRefusedError && error.sqlState === '42501') return false;
  return error instanceof HoldfastError && error.retryable;
}

/** An error in one line, with its code. */
export function textOf(error: unknown): string {
  if (error instanceof HoldfastError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

function detailsOf({ consumer, tenant }: ConsumerLease, error: unknown): Record<string, unknown> {
  return { consumer, tenant: tenant.id, error: textOf(error) };
}
