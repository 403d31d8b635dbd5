import type pg from 'pg';
import { ConsumerLeaseLostError } from '../errors-consumer.ts';
import type { Position } from '../event.ts';
import { retryConnection } from '../retry-connection.ts';

/** The right to handle one log for one consumer, until it runs out. */
export interface ConsumerLease {
  readonly consumer: string;
  readonly tenant: { readonly no: number; readonly id: string };
  /** Grows with every lease of this log: an older one can commit nothing any more. */
  readonly fence: number;
  /** Everything up to here is done. */
  readonly position: Position;
  /** Failures at the events after it. */
  readonly attempts: number;
  /** Up to here events are handled one by one, because a batch of them failed. */
  readonly carefulUntil: Position;
  /** A parked event behind the position that is to be tried again, instead of going on. */
  readonly redo: Position | null;
}

export interface ClaimOptions {
  readonly consumer: string;
  readonly owner: string;
  readonly leaseMs: number;
  readonly limit: number;
  readonly atHead: boolean;
}

/** Leases logs that have something to do, at most `limit`, those served longest ago first. */
export async function claimLogs(pool: pg.Pool, options: ClaimOptions): Promise<ConsumerLease[]> {
  const { consumer, owner, leaseMs, limit, atHead } = options;
  const { rows } = await retryConnection(() =>
    pool.query<{
      tenant: number;
      id: string;
      fence: number;
      position: number;
      attempts: number;
      careful_until: number;
      redo: number | null;
    }>('select * from holdfast.claim_consumer($1, $2, $3, $4, $5)', [consumer, owner, leaseMs, limit, atHead]),
  );
  return rows.map((row) => ({
    consumer,
    tenant: { no: row.tenant, id: row.id },
    fence: row.fence,
    position: row.position,
    attempts: row.attempts,
    carefulUntil: row.careful_until,
    redo: row.redo,
  }));
}

/** Makes a lease last `leaseMs` from now on; false when somebody else has taken over. */
export async function renewLease(
  pool: pg.Pool,
  { tenant, consumer, fence }: ConsumerLease,
  leaseMs: number,
): Promise<boolean> {
  const { rows } = await pool.query<{ renewed: boolean }>('select holdfast.renew_consumer($1, $2, $3, $4) as renewed', [
    tenant.no,
    consumer,
    fence,
    leaseMs,
  ]);
  return rows[0]?.renewed === true;
}

/** What went wrong, and when to try again. */
export interface Failure {
  /** Null when nothing failed: the lease is only given back. */
  readonly error: string | null;
  readonly retryMs?: number;
  readonly carefulUntil?: Position;
}

/** Gives a lease back. */
export async function releaseLease(
  pool: pg.Pool,
  { tenant, consumer, fence, position }: ConsumerLease,
  { error, retryMs, carefulUntil = 0 }: Failure,
): Promise<void> {
  await retryConnection(() =>
    pool.query('select holdfast.release_consumer($1, $2, $3, $4, $5, $6, $7)', [
      tenant.no,
      consumer,
      fence,
      position,
      error,
      retryMs === undefined ? null : Math.round(retryMs),
      carefulUntil,
    ]),
  );
}

/** Parks an event and gives the lease back. Does nothing when the lease was lost. */
export async function parkEvent(
  pool: pg.Pool,
  { tenant, consumer, fence, position }: ConsumerLease,
  event: { readonly position: Position; readonly attempts: number; readonly error: string; readonly stop: boolean },
): Promise<void> {
  await retryConnection(() =>
    pool.query('select holdfast.park_event($1, $2, $3, $4, $5, $6, $7, $8)', [
      tenant.no,
      consumer,
      fence,
      position,
      event.position,
      event.attempts,
      event.error,
      event.stop,
    ]),
  );
}

/** The error for what the functions of leases raise; any other as it came. */
export function explainLease(error: unknown, { consumer, tenant }: ConsumerLease): unknown {
  const lost = error instanceof Error && 'code' in error && error.code === 'HF010';
  return lost ? new ConsumerLeaseLostError(consumer, tenant.id) : error;
}
