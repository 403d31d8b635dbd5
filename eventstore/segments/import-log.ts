import type pg from 'pg';
import { createTenant } from '../tenants/create-tenant.ts';
import { openPool, ownerRole } from '../database.ts';
import { createDecoder } from '../read/decode-events.ts';
import { SchemaDriftError } from '../errors.ts';
import { KeysMissingError, LogNotEmptyError } from '../errors-segments.ts';
import { TenantTakenError } from '../errors-tenant.ts';
import type { EventShape, Position } from '../event.ts';
import { explainFailure } from '../explain-failure.ts';
import { foldEvents } from '../views/fold-events.ts';
import { countForgotten, countMissing, giveUpKeys, importKeys } from './import-keys.ts';
import { insertCommands, insertStreams, lockHead, sealStreams } from './import-page.ts';
import type { LockedHead } from './import-page.ts';
import { readKeys } from './keys-file.ts';
import type { ExportedKey } from './keys-file.ts';
import { inTransaction } from '../in-transaction.ts';
import { withLogLock } from '../lock-log.ts';
import { everyPositions } from './log-progress.ts';
import type { OnLogProgress } from './log-progress.ts';
import type { LogSchema } from '../log-schema.ts';
import { bytesOf } from './logged-command.ts';
import type { LoggedCommand } from './logged-command.ts';
import { assertSchema } from '../migrate.ts';
import { readSegment, toEventRow } from './read-segments.ts';
import { requireManifest } from './segment-folder.ts';
import type { Manifest } from './segment-folder.ts';
import { viewsVersion } from '../views/view.ts';

export interface ImportLogOptions<E extends EventShape> {
  /** A user that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  /** The schema the database was migrated to: its views are folded on the way. */
  readonly schema: LogSchema<E>;
  /** The folder that was exported to. */
  readonly folder: string;
  readonly tenant: string;
  /**
   * Import although the copy lacks keys that this database does not have either: those subjects are forgotten here, for good.
   * @default false
   */
  readonly withoutKeys?: boolean;
  readonly onProgress?: OnLogProgress;
}

/** What an import did. */
export interface ImportReport {
  readonly tenant: string;
  /** Newest position now. */
  readonly position: Position;
  /** Events that were written now; 0 = everything was there. */
  readonly events: number;
  /**
   * Keys in the copy; how many of them with their wrapped key; and how many that this database had in use were destroyed now, because
   * the original has forgotten the subject: views that were folded before know nothing of it until they are rebuilt.
   */
  readonly keys: { readonly subjects: number; readonly wrapped: number; readonly forgotten: number };
}

interface Log {
  readonly id: string;
  readonly no: number;
}

/** A transaction takes this much, so that memory and locks stay bounded; a larger command goes alone. */
const page = { events: 1_000, bytes: 2 << 20 };

/**
 * Restores a log from segment files into an empty one: positions, times, command ids and receipts, chain, stream numbers and seals
 * exactly; views are folded in the same transactions. Each file is checked against its hash and the chain before what it holds is
 * written. May be killed and repeated: it goes on at the head when what is there is the beginning of the segments. Until the end
 * nobody finds the tenant.
 * Throws SegmentsMissingError, SegmentDamagedError, LogNotEmptyError, TenantTakenError, LogBusyError, KeysMissingError, KeyUnavailableError (no
 * master key), SchemaDriftError, StoreUnavailableError (start it again).
 */
export async function importLog<E extends EventShape>({
  adminUrl,
  schema,
  folder,
  tenant,
  withoutKeys = false,
  onProgress,
}: ImportLogOptions<E>): Promise<ImportReport> {
  const manifest = await requireManifest(folder, tenant);
  const pool = openPool({
    url: adminUrl,
    role: ownerRole,
    applicationName: 'holdfast import',
    maxConnections: 2,
    statementTimeoutMs: 0,
  });
  try {
    await assertSchema(pool, schema);
    const log = { id: tenant, no: await createOrFind(pool, adminUrl, tenant) };
    return await withLogLock(pool, log, 'moving', async () => {
      const found = await inTransaction(pool, log.no, (client) => lockHead(client, log.no));
      // Before keys are touched: they may be those of another log.
      const start = await checkPrefix({ log, folder, manifest, found });
      const keys = await copyKeys(pool, log, { folder, withoutKeys });
      const events = await copyEvents({ pool, schema, log, folder, manifest, start, onProgress });
      await pool.query(`update holdfast.tenant set state = 'active' where no = $1 and state = 'importing'`, [log.no]);
      return { tenant, position: start.position + events, events, keys };
    });
  } catch (error) {
    throw explainFailure(error);
  } finally {
    await pool.end();
  }
}

interface CopyInput<E extends EventShape> {
  readonly pool: pg.Pool;
  readonly schema: LogSchema<E>;
  readonly log: Log;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly start: LockedHead;
  readonly onProgress: OnLogProgress | undefined;
}

interface Prefix {
  readonly log: Log;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly found: LockedHead | undefined;
}

/** What is there must be the beginning of what comes. */
async function checkPrefix({ log, folder, manifest, found: start }: Prefix): Promise<LockedHead> {
  const { segments } = manifest;
  const position = start?.position ?? 0;
  const entry = segments.find(({ from, to }) => from <= position && position <= to);
  const refused = new LogNotEmptyError(log.id, position);
  if (!start || start.base > 0 || (position > 0 && !entry)) throw refused;
  if (position === 0 || !entry) return start;
  for await (const line of readSegment({ folder, tenant: log.id, entry })) {
    if (!('command' in line) || line.command.lastPosition < position) continue;
    if (line.command.lastPosition !== position || line.command.chain !== start.chain) throw refused;
    break;
  }
  return start;
}

/** Gives the number of events written. */
async function copyEvents<E extends EventShape>(input: CopyInput<E>): Promise<number> {
  const { pool, log, folder, manifest, start } = input;
  const end = manifest.segments.at(-1);
  const active = await pool.query(`select from holdfast.tenant where no = $1 and state = 'active'`, [log.no]);
  if (!end || (start.position === end.to && active.rowCount === 1)) return 0;

  const report = everyPositions(input.onProgress, { doing: 'import', tenant: log.id, of: end.to });
  let head = start;
  report(head.position);
  for (const entry of manifest.segments) {
    // The segment the head stands in is read again, even if it stands at its end: the seals of its streams come last.
    if (entry.to < start.position) continue;
    let pending: LoggedCommand[] = [];
    let size = 0;
    const flush = async (): Promise<void> => {
      head = await writePage(input, head, pending);
      pending = [];
      size = 0;
      report(head.position);
    };
    for await (const line of readSegment({ folder, tenant: log.id, entry })) {
      if ('command' in line) {
        const { command } = line;
        if (command.firstPosition <= start.position) continue;
        pending.push(command);
        size += bytesOf(command);
        const events = command.lastPosition - (pending[0]?.firstPosition ?? 0) + 1;
        if (events >= page.events || size >= page.bytes) await flush();
        continue;
      }
      if (pending.length > 0) await flush();
      await inTransaction(pool, log.no, async (client) => {
        if ('streams' in line) await insertStreams(client, log.no, line.streams);
        if ('sealed' in line) await sealStreams(client, log.no, line.sealed);
      });
    }
    if (pending.length > 0) await flush();
    await inTransaction(pool, log.no, (client) =>
      client.query('update holdfast.log_head set streams = greatest(streams, $2) where tenant = $1', [
        log.no,
        entry.streams,
      ]),
    );
  }
  return head.position - start.position;
}

/** Writes commands and the view rows they fold to in one transaction; gives the new head. */
async function writePage<E extends EventShape>(
  { pool, schema, log }: CopyInput<E>,
  expected: LockedHead,
  commands: readonly LoggedCommand[],
): Promise<LockedHead> {
  const end = commands.at(-1);
  if (!end) return expected;
  await inTransaction(pool, log.no, async (client) => {
    const found = await lockHead(client, log.no);
    // Somebody who knew the tenant's number appended before it was marked.
    if (found?.position !== expected.position || found.chain !== expected.chain) {
      throw new LogNotEmptyError(log.id, found?.position ?? 0);
    }
    await assertViews(client, schema.projections);
    await client.query(`update holdfast.tenant set state = 'importing' where no = $1 and state = 'active'`, [log.no]);
    await insertCommands(client, log.no, commands);
    await foldEvents({
      client,
      tenant: log.no,
      decode: createDecoder(schema),
      projections: schema.projections,
      rows: commands.flatMap(({ events }) => events.map(toEventRow)),
    });
  });
  return { ...expected, position: end.lastPosition, chain: end.chain };
}

/** Under the head's lock: a rebuild that hands over views of other definitions holds every head. */
async function assertViews<E extends EventShape>(
  client: pg.ClientBase,
  projections: LogSchema<E>['projections'],
): Promise<void> {
  const { rows } = await client.query<{ version: string }>('select holdfast.views_version() as version');
  if (rows[0]?.version !== viewsVersion(projections)) throw new SchemaDriftError('its views have other definitions');
}

async function copyKeys(
  pool: pg.Pool,
  log: Log,
  { folder, withoutKeys }: { readonly folder: string; readonly withoutKeys: boolean },
): Promise<ImportReport['keys']> {
  const count = { subjects: 0, wrapped: 0, forgotten: 0 };
  let missing = 0;
  let pending: ExportedKey[] = [];
  const flush = (): Promise<void> =>
    inTransaction(pool, log.no, async (client) => {
      count.forgotten += await countForgotten(client, log.no, pending);
      await importKeys(client, log.no, pending);
      if (withoutKeys) await giveUpKeys(client, log.no, pending);
      else missing += await countMissing(client, log.no, pending);
      pending = [];
    });
  for await (const key of readKeys(folder, log.id)) {
    count.subjects += 1;
    if (key.wrapped !== null) count.wrapped += 1;
    pending.push(key);
    if (pending.length === page.events) await flush();
  }
  if (pending.length > 0) await flush();
  if (missing > 0) throw new KeysMissingError(folder, log.id, missing);
  return count;
}

/** A tenant whose import was cut off is found only here. */
async function createOrFind(pool: pg.Pool, adminUrl: string, tenant: string): Promise<number> {
  const { rows: known } = await pool.query<{ no: number; state: string }>(
    'select no, state from holdfast.tenant where id = $1',
    [tenant],
  );
  const [found] = known;
  if (found?.state === 'importing') return found.no;
  if (found && found.state !== 'active') throw new TenantTakenError(tenant, found.state);
  return createTenant(adminUrl, tenant);
}
