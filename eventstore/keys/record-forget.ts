import { createHash } from 'node:crypto';
import type pg from 'pg';
import { createAppend } from '../append/append.ts';
import type { TenantRef } from '../append/append.ts';
import { QuotaExceededError } from '../errors.ts';
import type { Command, EventShape, Position, Receipt } from '../event.ts';
import type { LogSchema } from '../log-schema.ts';

/** What was destroyed, as it is recorded. */
export interface ForgottenCounts {
  /** Numbers of the subject's keys that were destroyed. */
  readonly keys: readonly number[];
  /** Events whose personal fields can no longer be read, and the streams they are in. */
  readonly events: number;
  readonly streams: number;
  /** Rows that were rewritten or deleted, by view. */
  readonly rows: Readonly<Record<string, number>>;
  /** Rows of derived data that were deleted, by name (LogSchema.derived). */
  readonly derived: Readonly<Record<string, number>>;
  /** Snapshots of folds that were deleted; they are made anew. */
  readonly snapshots: number;
}

/** The event that records a forget, on the stream `$forgotten/<subject>` of the tenant's log. */
export interface SubjectForgotten {
  readonly type: 'SubjectForgotten';
  readonly data: ForgottenCounts & { readonly subject: string; readonly actor: string; readonly reason: string };
}

/** What a forget did. */
export interface ForgetReceipt extends ForgottenCounts {
  readonly subject: string;
  readonly actor: string;
  readonly reason: string;
  /** Of the event that records it; null for a dry run, like the two below. */
  readonly position: Position | null;
  readonly recordedAt: Date | null;
  /** The log's hash chain after it, in hexadecimal. */
  readonly chain: string | null;
  /** There was nothing new since an earlier forget, whose receipt this is. */
  readonly repeated: boolean;
}

/** The stream that records the forgets of a subject; names have a limit that subjects may be at. */
export function forgottenStream(subject: string): string {
  const name = Buffer.byteLength(subject) <= 900 ? subject : createHash('sha256').update(subject).digest('hex');
  return `$forgotten/${name}`;
}

/** Marks the keys as forgotten at the position. A subject without any gets one that never was, so that late work about it is refused. */
export async function destroyKeys(
  client: pg.ClientBase,
  tenant: number,
  { subject, position, known }: { readonly subject: string; readonly position: Position; readonly known: number },
): Promise<void> {
  await client.query(
    `update holdfast.subject_key set wrapped = null, kek_id = null, destroyed_at = clock_timestamp(), forgotten_at = $3
     where tenant = $1 and subject = $2 and wrapped is not null`,
    [tenant, subject, position],
  );
  if (known > 0) return;
  await client.query(
    `insert into holdfast.subject_key (tenant, subject, no, destroyed_at, forgotten_at) values ($1, $2, 1, clock_timestamp(), $3)`,
    [tenant, subject, position],
  );
}

/** How often the subject was forgotten before, and the receipt of the last time. */
export async function lastForget(
  client: pg.ClientBase,
  tenant: number,
  subject: string,
): Promise<{ readonly count: number; readonly receipt: ForgetReceipt | null }> {
  const stream = forgottenStream(subject);
  const { rows } = await client.query<{
    version: number;
    position: number;
    recorded_at: Date;
    chain: string;
    result: SubjectForgotten['data'];
  }>(
    `select s.version, c.last_position as position, c.recorded_at, encode(c.chain, 'hex') as chain, c.result
     from holdfast.stream s join holdfast.command c on c.tenant = s.tenant and c.id = s.name || '/' || s.version
     where s.tenant = $1 and s.name = $2`,
    [tenant, stream],
  );
  const row = rows[0];
  if (!row) return { count: 0, receipt: null };
  const { position, recorded_at: recordedAt, chain, result } = row;
  return { count: row.version, receipt: { ...result, position, recordedAt, chain, repeated: true } };
}

/** A tenant that has used up its quota must be able to forget all the same. */
export async function appendBeyondQuota<E extends EventShape>(
  pool: pg.Pool,
  client: pg.ClientBase,
  schema: LogSchema<E>,
  tenant: TenantRef,
  command: Command<E>,
): Promise<Receipt> {
  const append = createAppend(pool, schema);
  try {
    return await append(tenant, command, { transaction: client });
  } catch (error) {
    if (!(error instanceof QuotaExceededError)) throw error;
    const { rows } = await client.query<{ max_events: number | null; max_bytes: number | null }>(
      'select max_events, max_bytes from holdfast.tenant where no = $1 for update',
      [tenant.no],
    );
    await client.query('update holdfast.tenant set max_events = null, max_bytes = null where no = $1', [tenant.no]);
    const receipt = await append(tenant, command, { transaction: client });
    await client.query('update holdfast.tenant set max_events = $2, max_bytes = $3 where no = $1', [
      tenant.no,
      rows[0]?.max_events ?? null,
      rows[0]?.max_bytes ?? null,
    ]);
    return receipt;
  }
}
