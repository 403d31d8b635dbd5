import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { clearAbandonedShadows } from './clear-shadows.ts';
import type { TenantRef } from '../append/append.ts';
import { openPool, ownerRole } from '../database.ts';
import { createDecoder } from '../read/decode-events.ts';
import { UnknownSubjectError } from '../errors-keys.ts';
import { LogBusyError } from '../errors-segments.ts';
import { InvalidCommandError, SchemaDriftError } from '../errors.ts';
import type { Command, EventShape } from '../event.ts';
import { findTenant } from '../tenants/find-tenant.ts';
import { collectForgottenRows } from './forgotten-rows.ts';
import { lockHead } from '../segments/import-page.ts';
import { inTransaction } from '../in-transaction.ts';
import { withLogLock } from '../lock-log.ts';
import type { LogSchema } from '../log-schema.ts';
import { appendBeyondQuota, destroyKeys, forgottenStream, lastForget } from './record-forget.ts';
import type { ForgetReceipt, ForgottenCounts, SubjectForgotten } from './record-forget.ts';
import { retryConnection } from '../retry-connection.ts';
import { rewriteRows } from './rewrite-rows.ts';
import type { ReadArchived } from '../views/fold-shadow.ts';
import type { SubjectScan } from './scan-subject.ts';
import { scanSubject } from './scan-subject.ts';
import { viewsVersion } from '../views/view.ts';
import { withTenant } from '../with-tenant.ts';

const busyPatienceMs = 30_000;

export interface ForgetOptions<E extends EventShape> {
  /** Must belong to a user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  /** With its key wrapper: what views hold is computed from what is forgotten. */
  readonly schema: LogSchema<E>;
  readonly tenant: string;
  /** As events name it, letter by letter. It stays in the log for ever, so it must be a pseudonym. */
  readonly subject: string;
  /** Who asked for it, and why; recorded, so no personal text either. */
  readonly actor: string;
  readonly reason: string;
  /** Counts what would be forgotten, holding the same locks, and changes nothing. @default false */
  readonly dryRun?: boolean;
  /** Way to the events of an archived log. @default none; a log that was archived is then refused */
  readonly archived?: ReadArchived;
}

/**
 * Forgets a subject: destroys its keys, and with them every personal text about it in the log, in replicas and in backups; rewrites the rows
 * of views, deletes derived data and snapshots, and records what it did. One transaction: wholly done or wholly not; after a broken
 * connection it is asked for again and finds out. Appends wait while the rows are rewritten; the log is looked through before.
 * Throws UnknownTenantError, UnknownSubjectError, ProjectionLawError, KeyUnavailableError, LogArchivedError, LogBusyError, SchemaDriftError,
 * StoreUnavailableError.
 */
export async function forgetSubject<E extends EventShape>(options: ForgetOptions<E>): Promise<ForgetReceipt> {
  const { adminUrl, tenant: id, subject } = options;
  if (subject === '' || subject.includes('\0') || !subject.isWellFormed()) {
    throw new InvalidCommandError(`${JSON.stringify(subject)} is not the name of a subject.`);
  }
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast forget', statementTimeoutMs: 0 });
  try {
    const log = { id, no: await retryConnection(() => findTenant(pool, id)) };
    const receipt = await retryConnection(() =>
      whenFree(() => withLogLock(pool, log, 'alone', () => forgetOnce(pool, log, options))),
    );
    if (!options.dryRun) await retryConnection(() => clearAbandonedShadows(pool, log.no));
    return receipt;
  } finally {
    await pool.end();
  }
}

/** Others that need the log for themselves, forgets among them, are waited for; so is the session that a broken connection left behind. */
async function whenFree<T>(action: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + busyPatienceMs;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof LogBusyError) || Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}

async function forgetOnce<E extends EventShape>(
  pool: pg.Pool,
  tenant: TenantRef,
  options: ForgetOptions<E>,
): Promise<ForgetReceipt> {
  const { schema, subject, archived } = options;
  const scan: SubjectScan<E> = {
    tenant,
    subject,
    decode: createDecoder(schema),
    rows: collectForgottenRows(schema.projections),
    archived,
    upTo: 0,
    named: 0,
    events: 0,
    streams: new Set(),
  };
  const log = await withTenant(pool, tenant.no, async (client) => {
    const { rows } = await client.query<{ base: number; head: number }>(
      'select base, position as head from holdfast.log_head where tenant = $1',
      [tenant.no],
    );
    return rows[0] ?? { base: 0, head: 0 };
  });
  await scanSubject(scan, log, (page) => withTenant(pool, tenant.no, page));
  try {
    return await inTransaction(pool, tenant.no, async (client) => {
      const receipt = await forgetLocked(pool, client, scan, options);
      // So that a dry run counts what there is to count, it does it.
      if (options.dryRun) throw new DryRunDone(receipt);
      return receipt;
    });
  } catch (error) {
    if (error instanceof DryRunDone) return error.receipt;
    throw error;
  }
}

/** Ends the transaction of a dry run. */
class DryRunDone extends Error {
  readonly receipt: ForgetReceipt;
  constructor(receipt: ForgetReceipt) {
    super('dry run');
    this.receipt = receipt;
  }
}

async function forgetLocked<E extends EventShape>(
  pool: pg.Pool,
  client: pg.PoolClient,
  scan: SubjectScan<E>,
  options: ForgetOptions<E>,
): Promise<ForgetReceipt> {
  const { schema, subject, actor, reason, dryRun = false } = options;
  const { tenant } = scan;
  // From here on appends wait, and whoever writes derived data of the subject waits for the keys.
  const head = await lockHead(client, tenant.no);
  if (!head) throw new Error(`Tenant "${tenant.id}" has no log.`);
  const { rows: versions } = await client.query<{ version: string }>('select holdfast.views_version() as version');
  if (versions[0]?.version !== viewsVersion(schema.projections)) {
    throw new SchemaDriftError('its views have other definitions');
  }
  const { rows: keys } = await client.query<{ no: number; used: boolean; forgotten: boolean }>(
    `select no, wrapped is not null as used, forgotten_at is not null as forgotten
     from holdfast.subject_key where tenant = $1 and subject = $2 order by no for update`,
    [tenant.no, subject],
  );
  await scanSubject(scan, { base: head.base, head: head.position }, (page) => page(client));
  if (keys.length === 0 && scan.named === 0) throw new UnknownSubjectError(subject, tenant.id);

  const rows: Record<string, number> = {};
  for (const changes of scan.rows.changes()) rows[changes.view.name] = await rewriteRows(client, tenant.no, changes);
  const derived: Record<string, number> = {};
  for (const data of schema.derived ?? []) {
    derived[data.name] = await data.clear(client, { tenant: tenant.no, subject });
  }
  // Handlers put words of events into their errors.
  await client.query(
    `update holdfast.parked_event p set error = '[forgotten]' from holdfast.event e
     where p.tenant = $1 and e.tenant = $1 and e.position = p.position and $2 = any (e.subjects)`,
    [tenant.no, subject],
  );
  const before = await lastForget(client, tenant.no, subject);
  const isNothingNew = scan.events === 0 && Object.values(derived).every((count) => count === 0);
  if (before.receipt && isNothingNew) return { ...before.receipt, repeated: true };

  const { rowCount: snapshots } = await client.query('delete from holdfast.snapshot where tenant = $1', [tenant.no]);
  const counts: ForgottenCounts = {
    keys: keys.filter(({ used }) => used).map(({ no }) => no),
    events: scan.events,
    streams: scan.streams.size,
    rows,
    derived,
    snapshots: snapshots ?? 0,
  };
  const position = head.position + 1;
  await destroyKeys(client, tenant.no, { subject, position, known: keys.length });
  const data = { subject, ...counts, actor, reason };
  if (dryRun) return { ...data, position: null, recordedAt: null, chain: null, repeated: false };
  const stream = forgottenStream(subject);
  const event: SubjectForgotten = { type: 'SubjectForgotten', data };
  const command = {
    id: `${stream}/${before.count + 1}`,
    streams: [{ name: stream, expectedVersion: before.count }],
    events: [{ ...event, stream }],
    meta: { actor },
    result: data,
    // The log's own event, which the application's projections may look at and its types need not know.
  } as unknown as Command<E>;
  const { recordedAt } = await appendBeyondQuota(pool, client, schema, tenant, command);
  const { rows: chains } = await client.query<{ chain: string }>(
    `select encode(chain, 'hex') as chain from holdfast.log_head where tenant = $1`,
    [tenant.no],
  );
  return { ...data, position, recordedAt, chain: chains[0]?.chain ?? null, repeated: false };
}
