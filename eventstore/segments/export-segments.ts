import type pg from 'pg';
import { LogDamagedError, SegmentsDivergeError, SegmentsMissingError } from '../errors-segments.ts';
import type { Position } from '../event.ts';
import type { LoggedCommand } from './logged-command.ts';
import { everyPositions } from './log-progress.ts';
import type { OnLogProgress } from './log-progress.ts';
import { readCommands } from './read-commands.ts';
import { readSealed, readStreams } from './read-streams.ts';
import { readManifest, removeParts, writeManifest } from './segment-folder.ts';
import type { Manifest, SegmentEntry } from './segment-folder.ts';
import type { SegmentLine } from './segment-format.ts';
import { withTenant } from '../with-tenant.ts';
import { writeSegment } from './write-segment.ts';

export interface ExportSegmentsOptions {
  readonly pool: pg.Pool;
  readonly log: { readonly id: string; readonly no: number };
  readonly folder: string;
  /** A segment ends with the first command that brings it to this many events. @default 100000 */
  readonly segmentEvents?: number | undefined;
  /** Export no command that ends after this position. @default the head when the export starts */
  readonly upTo?: Position | undefined;
  readonly onProgress?: OnLogProgress | undefined;
}

/** Where a log stands, in one snapshot. */
interface LogState {
  readonly position: Position;
  readonly base: Position;
  readonly streams: number;
}

/** Writes the segments that a log's folder lacks, each whole before the manifest names it; gives those it wrote and all of them. */
export async function exportSegments(
  options: ExportSegmentsOptions,
): Promise<{ readonly written: readonly SegmentEntry[]; readonly manifest: Manifest }> {
  const { pool, log, folder, segmentEvents = 100_000 } = options;
  const tenant = log.id;
  let manifest = await readManifest(folder, tenant);
  await removeParts(folder, tenant);
  const start = manifest.segments.at(-1);
  const { head, missedSeals } = await withTenant(pool, log.no, async (client) => {
    const state = await readState(client, log);
    return { head: state, missedSeals: await countMissedSeals(client, log.no, manifest) };
  });
  await checkStart(pool, log, head, manifest, folder);

  const upTo = Math.min(head.position, options.upTo ?? head.position);
  const report = everyPositions(options.onProgress, { doing: 'export', tenant, of: upTo });
  const written: SegmentEntry[] = [];
  report(start?.to ?? 0);
  for (let from = (start?.to ?? 0) + 1; ;) {
    const end = await findSegmentEnd(pool, log.no, { from, segmentEvents, upTo });
    if (!end) break;
    const before = manifest.segments.at(-1);
    const { position: to, chain: chainAfter } = end;
    const streams =
      to === head.position ? head.streams : Math.max(before?.streams ?? 0, await lastStream(pool, log.no, from, to));
    const first = written.length === 0;
    const entry = await writeSegment({
      folder,
      header: {
        tenant,
        from,
        to,
        chainBefore: before?.chainAfter ?? '',
        chainAfter,
        streams,
        base: head.base,
        createdAt: new Date().toISOString(),
      },
      commands: reported(readCommands(pool, log, { after: from - 1, upTo: to }), report),
      streams: async function* (touched): AsyncGenerator<SegmentLine> {
        yield* readStreams(pool, log.no, { touched, after: before?.streams ?? 0, upTo: streams });
        if (first && missedSeals > 0) yield* readSealed(pool, log.no, { upTo: before?.streams ?? 0, from });
      },
      missedSeals: first ? missedSeals : 0,
    });
    manifest = { tenant, segments: [...manifest.segments, entry] };
    await writeManifest(folder, manifest);
    written.push(entry);
    from = to + 1;
  }
  return { written, manifest };
}

async function* reported(
  commands: AsyncIterable<LoggedCommand>,
  report: (position: Position) => void,
): AsyncGenerator<LoggedCommand> {
  for await (const command of commands) {
    report(command.lastPosition);
    yield command;
  }
}

async function readState(client: pg.ClientBase, log: { readonly id: string; readonly no: number }): Promise<LogState> {
  const { rows } = await client.query<LogState>(
    'select position, base, streams from holdfast.log_head where tenant = $1',
    [log.no],
  );
  if (!rows[0]) throw new LogDamagedError(log.id, 0, 'the head row is missing');
  return rows[0];
}

/**
 * A command may seal a stream without an event for it, long after the segment with the stream's last event was written. Seals are
 * for ever, so streams of earlier segments that are sealed now and more than those segments tell of means that some were missed.
 */
async function countMissedSeals(client: pg.ClientBase, tenant: number, { segments }: Manifest): Promise<number> {
  const last = segments.at(-1);
  if (!last) return 0;
  const { rows } = await client.query<{ sealed: number }>(
    `select count(*) as sealed from holdfast.stream s where s.tenant = $1 and s.no <= $2 and s.sealed and not exists (
       select from holdfast.event e where e.tenant = $1 and e.stream = s.no and e.version = s.version and e.position > $3)`,
    [tenant, last.streams, last.to],
  );
  return Math.max(0, (rows[0]?.sealed ?? 0) - segments.reduce((sum, { sealed }) => sum + sealed, 0));
}

/** Throws unless the log goes on where the folder ends. */
async function checkStart(
  pool: pg.Pool,
  log: { readonly id: string; readonly no: number },
  head: LogState,
  { segments }: Manifest,
  folder: string,
): Promise<void> {
  const last = segments.at(-1);
  if ((last?.to ?? 0) < head.base) {
    throw new SegmentsMissingError(
      folder,
      `has segments of tenant "${log.id}" up to position ${last?.to ?? 0}, but the log is archived up to ${head.base}`,
      'Export into the folder that the log was archived to, or copy that folder first.',
    );
  }
  if (!last) return;
  const chain = await withTenant(pool, log.no, async (client) => {
    const { rows } = await client.query<{ chain: string }>(
      `select encode(chain, 'hex') as chain from holdfast.command where tenant = $1 and last_position = $2`,
      [log.no, last.to],
    );
    return rows[0]?.chain;
  });
  if (chain !== last.chainAfter) throw new SegmentsDivergeError(folder, log.id, last.to);
}

/** The command with which a segment ends: the first that fills it, else the last there is. */
async function findSegmentEnd(
  pool: pg.Pool,
  tenant: number,
  { from, segmentEvents, upTo }: { readonly from: Position; readonly segmentEvents: number; readonly upTo: Position },
): Promise<{ readonly position: Position; readonly chain: string } | undefined> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{ position: Position; chain: string }>(
      `select last_position as position, encode(chain, 'hex') as chain from holdfast.command
       where tenant = $1 and last_position = coalesce(
         (select min(last_position) from holdfast.command where tenant = $1 and last_position between $3 and $4),
         (select max(last_position) from holdfast.command where tenant = $1 and last_position between $2 and $4))`,
      [tenant, from, from + Math.max(1, segmentEvents) - 1, upTo],
    );
    return rows[0];
  });
}

/** The highest number of a stream with events at these positions. */
async function lastStream(pool: pg.Pool, tenant: number, from: Position, to: Position): Promise<number> {
  return withTenant(pool, tenant, async (client) => {
    const { rows } = await client.query<{ no: number }>(
      'select coalesce(max(stream), 0) as no from holdfast.event where tenant = $1 and position between $2 and $3',
      [tenant, from, to],
    );
    return rows[0]?.no ?? 0;
  });
}
