import type pg from 'pg';
import { UnknownTenantError } from '../errors.ts';
import { SegmentDamagedError } from '../errors-segments.ts';
import type { EventShape, Position } from '../event.ts';
import { explainFailure } from '../explain-failure.ts';
import { checkNames, createFindings } from './findings.ts';
import type { Findings, LogProblem, VerifyCheck } from './findings.ts';
import { findTenant } from '../tenants/find-tenant.ts';
import { withLogLock } from '../lock-log.ts';
import { bytesOf } from './logged-command.ts';
import { everyPositions } from './log-progress.ts';
import type { OnLogProgress } from './log-progress.ts';
import type { LogSchema } from '../log-schema.ts';
import { assertSchema } from '../migrate.ts';
import { requireManifest } from './segment-folder.ts';
import type { Manifest } from './segment-folder.ts';
import { verifyCommands } from './verify-commands.ts';
import type { CommandsSummary } from './verify-commands.ts';
import { verifySegments } from './verify-segments.ts';
import { verifyStreams } from './verify-streams.ts';
import { createViewsVerifier } from './verify-views.ts';
import type { ViewsVerifier } from './verify-views.ts';
import { withTenant } from '../with-tenant.ts';

export interface VerifyLogOptions<E extends EventShape> {
  /** Sessions of the owner role, four at least. */
  readonly pool: pg.Pool;
  /** The schema the database was migrated to. */
  readonly schema: LogSchema<E>;
  readonly tenant: string;
  /** Segments to verify too; needed for the views and streams of an archived log. @default none */
  readonly folder?: string;
  readonly onProgress?: OnLogProgress;
}

/** What a verification came to. */
export interface VerifyReport {
  readonly tenant: string;
  /** Everything up to this position was looked at. */
  readonly position: Position;
  /** Last archived position. */
  readonly base: Position;
  /** True when no check found a problem. A check that was skipped found none. */
  readonly ok: boolean;
  readonly checks: readonly VerifyCheck[];
  /** The first 20 of each check. */
  readonly problems: readonly LogProblem[];
}

interface LogState {
  readonly position: Position;
  readonly base: Position;
  readonly streams: number;
  readonly bytes: number;
  readonly chain: string;
  readonly micros: string | null;
  /** The last position of any event or command, whatever the head says. */
  readonly last: Position;
  /** The highest number of a stream, whatever the head says. */
  readonly lastStream: number;
}

/**
 * Proves that a log is what was written: dense positions, commands that cover them, hash chain over the stored texts, times, versions of
 * streams, head, and views equal to a fresh fold; with a folder also its segment files, and seals. Writers go on meanwhile: what
 * they append after the start is not looked at. Memory is bounded; the folded views are temporary tables.
 * Throws UnknownTenantError, SchemaDriftError, SegmentsMissingError, LogBusyError, StoreUnavailableError; what is wrong with the log is in the report.
 */
export async function verifyLog<E extends EventShape>(options: VerifyLogOptions<E>): Promise<VerifyReport> {
  const { pool, schema, tenant, folder } = options;
  await assertSchema(pool, schema);
  const log = { id: tenant, no: await findTenant(pool, tenant) };
  const findings = createFindings();
  const manifest = folder === undefined ? null : await readManifestOrReport(findings, folder, tenant);
  return withLogLock(pool, log, 'shared', async () => {
    const state = await readState(pool, log.no);
    if (!state) {
      findings.problem('head', null, 'the head row of the log is missing: nobody can read or append');
      for (const check of checkNames) if (check !== 'head') findings.skip(check, 'the log has no head');
      return { tenant, position: 0, base: 0, ok: false, checks: findings.checks(), problems: findings.problems() };
    }
    const client = await pool.connect();
    // Temporary tables are left to the end of the session, so the session has to end.
    const onError = (): void => undefined;
    client.on('error', onError);
    try {
      const views = await createViewsVerifier({ client, schema, tenant: log.no, findings });
      const archive =
        folder === undefined || !manifest
          ? { bytes: 0, whole: 0, versions: null }
          : await verifyArchive({ options, client, log, folder, manifest, state, findings, views });
      const reachesBase = archive.whole >= state.base;
      if (!reachesBase) views.giveUp(`positions 1 to ${state.base} are archived: name the folder of their segments`);
      if (!manifest) findings.skip('segments', 'no folder with segments was named');
      if (!manifest) findings.skip('seals', 'the log does not say which command sealed a stream; segments do');
      const report = everyPositions(options.onProgress, { doing: 'verify', tenant, of: state.last });
      const summary = await verifyCommands({
        pool,
        tenant: log.no,
        base: state.base,
        upTo: state.last,
        findings,
        onEvent: (event) => views.fold(event),
        onProgress: report,
      });
      if (!reachesBase) findings.skip('streams', 'versions of archived events were not compared');
      await verifyStreams({
        pool,
        tenant: log.no,
        streams: Math.max(state.streams, state.lastStream),
        archived: state.base === 0 ? () => Promise.resolve(new Map()) : reachesBase ? archive.versions : null,
        findings,
      });
      checkHead(findings, state, summary, reachesBase ? archive.bytes : null);
      options.onProgress?.({ doing: 'compare views', tenant, position: state.last, of: state.last });
      await views.compare(state.last);
    } catch (error) {
      throw explainFailure(error);
    } finally {
      client.off('error', onError);
      client.release(true);
    }
    const checks = findings.checks();
    const ok = checks.every(({ problems }) => problems === 0);
    return { tenant, position: state.last, base: state.base, ok, checks, problems: findings.problems() };
  });
}

/** A manifest that cannot be read is a finding like a damaged file. */
async function readManifestOrReport(findings: Findings, folder: string, tenant: string): Promise<Manifest | null> {
  try {
    return await requireManifest(folder, tenant);
  } catch (error) {
    if (!(error instanceof SegmentDamagedError)) throw error;
    findings.problem('segments', null, error.message);
    return null;
  }
}

/** Undefined when the log has lost its head. */
async function readState(pool: pg.Pool, tenant: number): Promise<LogState | undefined> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<LogState>(
      `select h.position, h.base, h.streams, h.bytes, encode(h.chain, 'hex') as chain,
              case when isfinite(h.last_at) then (extract(epoch from h.last_at) * 1000000)::bigint::text end as micros,
              greatest(
                (select max(e.position) from holdfast.event e where e.tenant = $1),
                (select max(c.last_position) from holdfast.command c where c.tenant = $1), 0) as last,
              coalesce((select max(s.no) from holdfast.stream s where s.tenant = $1), 0) as "lastStream"
       from holdfast.log_head h where h.tenant = $1`,
      [tenant],
    );
    return rows[0];
  }).catch((error: unknown) => {
    if (error instanceof UnknownTenantError) return undefined;
    throw error;
  });
}

interface ArchiveInput<E extends EventShape> {
  readonly options: VerifyLogOptions<E>;
  readonly client: pg.ClientBase;
  readonly log: { readonly id: string; readonly no: number };
  readonly folder: string;
  readonly manifest: Manifest;
  readonly state: LogState;
  readonly findings: Findings;
  readonly views: ViewsVerifier;
}

interface Archive {
  /** Bytes of data of archived events. */
  readonly bytes: number;
  /** Position up to which the segments are whole. */
  readonly whole: Position;
  /** Versions of streams where the archive ends. */
  readonly versions: ((numbers: readonly number[]) => Promise<ReadonlyMap<number, number>>) | null;
}

/** Verifies the segments; what they hold of archived events is folded and kept for the checks of the rest. */
async function verifyArchive<E extends EventShape>(input: ArchiveInput<E>): Promise<Archive> {
  const { options, client, log, folder, manifest, state, findings, views } = input;
  await verifyLedger(input);
  // In the database, as the numbers of streams of an archive may be any.
  await client.query('create temporary table archived_stream (no bigint primary key, version bigint not null)');
  const end = manifest.segments.at(-1)?.to ?? 0;
  const versions = new Map<number, number>();
  let bytes = 0;
  const whole = await verifySegments({
    pool: options.pool,
    log,
    folder,
    manifest,
    head: state.position,
    findings,
    onCommand: async (command) => {
      if (command.lastPosition > state.base) return;
      bytes += bytesOf({ ...command, meta: '', result: '' });
      for (const event of command.events) {
        versions.set(event.streamNo, event.version);
        await views.fold(event);
      }
      if (versions.size >= 1_000 || command.lastPosition === state.base) await keepVersions(client, versions);
    },
    onProgress: everyPositions(options.onProgress, { doing: 'verify segments', tenant: log.id, of: end }),
  });
  return {
    bytes,
    whole,
    versions: async (numbers) => {
      const { rows } = await client.query<{ no: number; version: number }>(
        'select no, version from archived_stream where no = any ($1::bigint[])',
        [numbers],
      );
      return new Map(rows.map(({ no, version }) => [no, version]));
    },
  };
}

async function keepVersions(client: pg.ClientBase, versions: Map<number, number>): Promise<void> {
  await client.query(
    `insert into archived_stream select * from unnest($1::bigint[], $2::bigint[])
     on conflict (no) do update set version = excluded.version`,
    [[...versions.keys()], [...versions.values()]],
  );
  versions.clear();
}

/** The ledger of archived segments covers what was deleted, and says the same of the files as the folder. */
async function verifyLedger<E extends EventShape>({
  options,
  log,
  state,
  manifest,
  findings,
}: ArchiveInput<E>): Promise<void> {
  const { rows } = await withTenant(options.pool, log.no, (client) =>
    client.query<{ from: Position; to: Position; sha256: string }>(
      `select from_pos as from, to_pos as to, encode(sha256, 'hex') as sha256 from holdfast.segment where tenant = $1 order by from_pos`,
      [log.no],
    ),
  );
  let last = 0;
  for (const { from, to, sha256 } of rows) {
    if (from !== last + 1) findings.problem('segments', last + 1, 'the ledger of archived segments has a hole');
    last = to;
    const entry = manifest.segments.find((one) => one.from === from && one.to === to);
    if (entry?.sha256 !== sha256) {
      findings.problem('segments', from, `the segment up to ${to} in the folder is not the one that was archived`);
    }
  }
  if (last < state.base)
    findings.problem('segments', last + 1, `the ledger ends at ${last}, the archive at ${state.base}`);
}

function checkHead(findings: Findings, state: LogState, summary: CommandsSummary, archivedBytes: number | null): void {
  findings.checked('head');
  const differs = (what: string, head: string | number, log: string | number): void => {
    if (head !== log) findings.problem('head', state.position, `the head says ${what} ${head}, the log has ${log}`);
  };
  differs('position', state.position, state.last);
  differs('chain', state.chain, summary.chain);
  differs('last time', state.micros ?? 'none', summary.micros === null ? 'none' : String(summary.micros));
  differs('number of streams', state.streams, state.lastStream);
  // Texts that were changed or are missing have been told of.
  const whole = (['positions', 'commands', 'chain'] as const).every((check) => findings.count(check) === 0);
  if (archivedBytes !== null && whole) differs('bytes', state.bytes, summary.bytes + archivedBytes);
}
