import type pg from 'pg';
import { explainLease } from './consumer-lease.ts';
import type { ConsumerLease } from './consumer-lease.ts';
import type { Position } from '../event.ts';
import { transactionOn } from '../transaction-on.ts';
import { isConnectionFailure } from '../explain-failure.ts';

/** What a handler writes into the same database, in the transaction that moves its consumer: once, or not at all. */
export type ConsumerWrites = (client: pg.ClientBase) => Promise<void>;

/** A handled batch, to be committed. */
export interface BatchCommit {
  readonly lease: ConsumerLease;
  readonly to: Position;
  /** Null when the handler has nothing to write. */
  readonly writes: ConsumerWrites | null;
  /** Keep the lease for this long, to go on; null gives it back. */
  readonly keepMs: number | null;
  /** Whether anything is lost when the server crashes right after: a place alone is found again. */
  readonly durable: boolean;
}

/**
 * Commits a handled batch: checks that the lease is still ours, runs the handler's writes bound to its tenant, moves the place. Never
 * repeated here: after a broken connection the place says whether it was committed. Throws ConsumerLeaseLostError.
 */
export async function commitBatch(pool: pg.Pool, { lease, to, writes, keepMs, durable }: BatchCommit): Promise<void> {
  const { tenant, consumer, fence, position, redo } = lease;
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await transactionOn(
      client,
      async () => {
        await client.query('select holdfast.hold_consumer($1, $2, $3, $4)', [tenant.no, consumer, fence, position]);
        await writes?.(client);
        await client.query('select holdfast.move_consumer($1, $2, $3, $4, $5, $6, $7)', [
          tenant.no,
          consumer,
          fence,
          position,
          to,
          redo,
          keepMs,
        ]);
      },
      durable ? 'begin' : 'begin; set local synchronous_commit = off',
    );
  } catch (error) {
    if (error instanceof Error && isConnectionFailure(error)) broken = error;
    throw explainLease(error, lease);
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
