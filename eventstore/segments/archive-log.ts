import { join, resolve } from 'node:path';
import type pg from 'pg';
import { openPool, ownerRole } from '../database.ts';
import { ConsumersBehindError, SegmentsDivergeError } from '../errors-segments.ts';
import type { Position } from '../event.ts';
import { explainFailure } from '../explain-failure.ts';
import { exportSegments } from './export-segments.ts';
import { findTenant } from '../tenants/find-tenant.ts';
import { inTransaction } from '../in-transaction.ts';
import { withLogLock } from '../lock-log.ts';
import { everyPositions } from './log-progress.ts';
import type { OnLogProgress } from './log-progress.ts';
import { readSegment } from './read-segments.ts';
import { logFolder } from './segment-folder.ts';
import type { SegmentEntry } from './segment-folder.ts';
import { withTenant } from '../with-tenant.ts';

export interface ArchiveLogOptions {
  /** A user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  readonly tenant: string;
  /** Archive whole segments below this position. */
  readonly below: Position;
  /** Folder of the segments; what it lacks is exported first. Events are only there from then on. */
  readonly folder: string;
  /** As for exportLog. @default 100000 */
  readonly segmentEvents?: number;
  /** Archive also what consumers have not handled yet. @default false: ConsumersBehindError */
  readonly ignoreConsumers?: boolean;
  readonly onProgress?: OnLogProgress;
}

/** What an archive did. */
export interface ArchiveReport {
  readonly tenant: string;
  /** Last archived position now. */
  readonly base: Position;
  /** Events deleted from the database now. */
  readonly events: number;
  /** Segments that hold them. */
  readonly segments: readonly SegmentEntry[];
}

interface Log {
  readonly id: string;
  readonly no: number;
}

/** Events deleted per transaction, whose commit keeps appends waiting. */
const batchEvents = 2_000;

/**
 * Moves the events below a position into segments and deletes them from the database: first what the folder lacks is exported, then each
 * segment is read back whole (hashes, chain, chain against the log), written into the ledger, and only then its events go, in short
 * transactions. Commands stay, so replays are answered as ever; views stay. Killed in the middle, the next call goes on.
 * Reads below the base throw LogArchivedError; `verify` and rebuilds take the folder.
 * Throws UnknownTenantError, SegmentDamagedError, SegmentFolderError, SegmentsMissingError, SegmentsDivergeError, ConsumersBehindError,
 * LogBusyError, StoreUnavailableError.
 */
export async function archiveLog(options: ArchiveLogOptions): Promise<ArchiveReport> {
  const { adminUrl, tenant, below, folder, segmentEvents, ignoreConsumers = false, onProgress } = options;
  const pool = openPool({
    url: adminUrl,
    role: ownerRole,
    applicationName: 'holdfast archive',
    maxConnections: 4,
    statementTimeoutMs: 0,
  });
  try {
    const log = { id: tenant, no: await findTenant(pool, tenant) };
    return await withLogLock(pool, log, 'moving', async () => {
      const upTo = Math.max(0, below - 1);
      const { manifest } = await exportSegments({ pool, log, folder, upTo, segmentEvents, onProgress });
      const start = await readBase(pool, log.no);
      const segments = manifest.segments.filter(({ to }) => to > start && to <= upTo);
      if (!ignoreConsumers) await checkConsumers(pool, log, segments.at(-1)?.to ?? 0);
      const report = everyPositions(onProgress, { doing: 'archive', tenant, of: segments.at(-1)?.to ?? start });
      let base = start;
      for (const entry of segments) {
        await checkWhole(pool, log, folder, entry);
        await recordSegment(pool, log.no, resolve(logFolder(folder, tenant)), entry);
        while (base < entry.to) {
          base = await deleteBatch(pool, log.no, { base, to: entry.to });
          report(base);
        }
      }
      return { tenant, base, events: base - start, segments };
    });
  } catch (error) {
    throw explainFailure(error);
  } finally {
    await pool.end();
  }
}

async function readBase(pool: pg.Pool, tenant: number): Promise<Position> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{ base: Position }>('select base from holdfast.log_head where tenant = $1', [
      tenant,
    ]);
    return rows[0]?.base ?? 0;
  });
}

/** Throws ConsumersBehindError when a consumer needs an event up to a position: one it has not come to, or one it has parked. */
async function checkConsumers(pool: pg.Pool, log: Log, upTo: Position): Promise<void> {
  const behind = await withTenant(pool, log.no, async (client) => {
    const { rows } = await client.query<{ name: string; position: Position }>(
      `select * from (
         select c.name, coalesce(p.position, 0) + 1 as position
         from holdfast.consumer c left join holdfast.consumer_position p on p.tenant = $1 and p.name = c.name
         union all
         select consumer, position from holdfast.parked_event where tenant = $1 and state in ('parked', 'retry')) needed
       where position <= $2 order by position limit 1`,
      [log.no, upTo],
    );
    return rows[0];
  });
  if (behind) throw new ConsumersBehindError(log.id, behind.name, behind.position);
}

/** Reads the file back, and holds its chain against the log's: what is deleted is what the file holds. */
async function checkWhole(pool: pg.Pool, log: Log, folder: string, entry: SegmentEntry): Promise<void> {
  const lines = readSegment({ folder, tenant: log.id, entry });
  while (!(await lines.next()).done);
  const found = await withTenant(pool, log.no, async (client) => {
    const { rows } = await client.query<{ chain: string }>(
      `select encode(chain, 'hex') as chain from holdfast.command where tenant = $1 and last_position = $2`,
      [log.no, entry.to],
    );
    return rows[0]?.chain;
  });
  if (found !== entry.chainAfter) throw new SegmentsDivergeError(folder, log.id, entry.to);
}

async function recordSegment(pool: pg.Pool, tenant: number, own: string, entry: SegmentEntry): Promise<void> {
  await inTransaction(pool, tenant, (client) =>
    client.query(
      `insert into holdfast.segment (tenant, from_pos, to_pos, sha256, location, events)
       values ($1, $2, $3, decode($4, 'hex'), $5, $6)
       on conflict (tenant, from_pos) do update set to_pos = excluded.to_pos, sha256 = excluded.sha256,
         location = excluded.location, events = excluded.events`,
      [tenant, entry.from, entry.to, entry.sha256, join(own, entry.file), entry.events],
    ),
  );
}

/** Deletes the events of the next commands and moves the base, in one transaction that takes the head's lock last. */
async function deleteBatch(
  pool: pg.Pool,
  tenant: number,
  { base, to }: { readonly base: Position; readonly to: Position },
): Promise<Position> {
  return inTransaction(pool, tenant, async (client) => {
    // Whole commands: the base is always the end of one, so that the chain goes on from there.
    const { rows } = await client.query<{ end: Position }>(
      `select coalesce(
         (select max(last_position) from holdfast.command where tenant = $1 and last_position > $2 and last_position <= least($2 + $4, $3)),
         (select min(last_position) from holdfast.command where tenant = $1 and last_position > $2 and last_position <= $3),
         $3) as end`,
      [tenant, base, to, batchEvents],
    );
    const end = rows[0]?.end ?? to;
    await client.query('delete from holdfast.event where tenant = $1 and position > $2 and position <= $3', [
      tenant,
      base,
      end,
    ]);
    await client.query('update holdfast.log_head set base = $2 where tenant = $1', [tenant, end]);
    return end;
  });
}
