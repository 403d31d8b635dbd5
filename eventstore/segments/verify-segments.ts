import type pg from 'pg';
import { SegmentDamagedError } from '../errors-segments.ts';
import type { Position } from '../event.ts';
import type { Findings } from './findings.ts';
import type { LoggedCommand } from './logged-command.ts';
import { readCommandRows } from './read-commands.ts';
import type { CommandRow } from './read-commands.ts';
import { readSegment } from './read-segments.ts';
import type { Manifest, SegmentEntry } from './segment-folder.ts';
import type { SegmentStream } from './segment-format.ts';
import { withTenant } from '../with-tenant.ts';

export interface VerifySegmentsInput {
  readonly pool: pg.Pool;
  readonly log: { readonly id: string; readonly no: number };
  readonly folder: string;
  readonly manifest: Manifest;
  /** Newest position of the log. */
  readonly head: Position;
  readonly findings: Findings;
  /** Called with every command, in order. */
  readonly onCommand: (command: LoggedCommand) => Promise<void>;
  readonly onProgress: (position: Position) => void;
}

/**
 * Checks segment files against themselves (hash, counts, chain) and against the commands and streams of the log. Gives the position up
 * to which they are whole.
 */
export async function verifySegments(input: VerifySegmentsInput): Promise<Position> {
  const { findings, manifest, head } = input;
  let whole = 0;
  for (const entry of manifest.segments) {
    findings.checked('segments');
    if (entry.to > head) {
      findings.problem('segments', entry.from, `${entry.file} goes to position ${entry.to}, the log to ${head}`);
    }
    try {
      await verifySegment(input, entry);
      if (whole === entry.from - 1) whole = entry.to;
    } catch (error) {
      if (!(error instanceof SegmentDamagedError)) throw error;
      findings.problem('segments', entry.from, error.message);
    }
    input.onProgress(entry.to);
  }
  return whole;
}

async function verifySegment(input: VerifySegmentsInput, entry: SegmentEntry): Promise<void> {
  const { pool, log, folder, findings, onProgress } = input;
  const rows = readCommandRows(pool, log.no, { after: entry.from - 1, upTo: entry.to });
  let told = false;
  for await (const line of readSegment({ folder, tenant: log.id, entry })) {
    if ('command' in line) {
      const { command } = line;
      const row = await rows.next();
      if (!told && (row.done || !sameCommand(command, row.value))) {
        told = true;
        const what = `command "${command.id}" of ${entry.file} is not that of the log, or not there`;
        findings.problem('segments', command.firstPosition, what);
      }
      await input.onCommand(command);
      onProgress(command.lastPosition);
    } else if ('streams' in line) {
      await compareStreams(input, line.streams, entry);
    } else if ('sealed' in line) {
      await compareSeals(input, line.sealed, entry);
    }
  }
}

const compared = ['id', 'bodyHash', 'firstPosition', 'lastPosition', 'micros', 'chain', 'meta', 'result'] as const;

function sameCommand(one: LoggedCommand, other: CommandRow): boolean {
  return compared.every((name) => one[name] === other[name]);
}

async function compareStreams(
  { pool, log, findings }: VerifySegmentsInput,
  streams: readonly SegmentStream[],
  { file, to }: SegmentEntry,
): Promise<void> {
  const found = await findStreams(
    pool,
    log.no,
    streams.map(({ no }) => no),
  );
  for (const { no, name, version, sealed } of streams) {
    const live = found.get(no);
    if (live?.name !== name || live.version < version) {
      findings.problem('segments', to, `stream "${name}" (number ${no}) of ${file} is not that of the log`);
    }
    if (!sealed) continue;
    findings.checked('seals');
    if (!live?.sealed || live.version !== version) {
      findings.problem('seals', to, `stream "${name}" was sealed at version ${version} (${file}), and is not any more`);
    }
  }
}

async function compareSeals(
  { pool, log, findings }: VerifySegmentsInput,
  sealed: readonly number[],
  { file, to }: SegmentEntry,
): Promise<void> {
  const found = await findStreams(pool, log.no, sealed);
  for (const no of sealed) {
    findings.checked('seals');
    if (!found.get(no)?.sealed)
      findings.problem('seals', to, `stream number ${no} was sealed (${file}), and is not any more`);
  }
}

async function findStreams(
  pool: pg.Pool,
  tenant: number,
  numbers: readonly number[],
): Promise<ReadonlyMap<number, SegmentStream>> {
  const { rows } = await withTenant(pool, tenant, (client) =>
    client.query<SegmentStream>(
      'select no, name, version, sealed from holdfast.stream where tenant = $1 and no = any ($2::bigint[])',
      [tenant, numbers],
    ),
  );
  return new Map(rows.map((stream) => [stream.no, stream]));
}
