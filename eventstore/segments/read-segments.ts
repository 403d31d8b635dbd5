import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { EventRow } from '../read/decode-events.ts';
import { SegmentDamagedError, SegmentsMissingError } from '../errors-segments.ts';
import type { Position } from '../event.ts';
import { chainAfter } from './logged-command.ts';
import type { LoggedCommand } from './logged-command.ts';
import { hashFile, logFolder, requireManifest } from './segment-folder.ts';
import type { SegmentEntry } from './segment-folder.ts';
import { decodeLine } from './segment-format.ts';
import type { SegmentLine } from './segment-format.ts';
import { splitLines } from './split-lines.ts';

export interface ReadSegmentsOptions {
  /** The folder that was exported or archived to. */
  readonly folder: string;
  readonly tenant: string;
  /** Give events after this position. @default 0 */
  readonly after?: Position;
  /** Give events up to this position. @default the end of the last segment */
  readonly upTo?: Position;
}

/**
 * Gives events from segment files as the event table gave them, for `createDecoder`: what a rebuild reads below the base of an
 * archived log. Every file is checked against its hash and the chain before and while it is read.
 * Throws SegmentDamagedError, SegmentsMissingError.
 */
export async function* readSegments(options: ReadSegmentsOptions): AsyncGenerator<EventRow> {
  const { after = 0 } = options;
  for await (const { events } of readSegmentCommands(options)) {
    for (const event of events) {
      if (event.position <= after || event.position > (options.upTo ?? Infinity)) continue;
      yield toEventRow(event);
    }
  }
}

/** The same by whole commands: those with an event in the range. */
export async function* readSegmentCommands({
  folder,
  tenant,
  after = 0,
  upTo,
}: ReadSegmentsOptions): AsyncGenerator<LoggedCommand> {
  const { segments } = await requireManifest(folder, tenant);
  const end = upTo ?? segments.at(-1)?.to ?? 0;
  if (end > (segments.at(-1)?.to ?? 0)) {
    throw new SegmentsMissingError(
      folder,
      `has segments of tenant "${tenant}" up to position ${segments.at(-1)?.to ?? 0}; ${end} was asked for`,
      'Name the folder that the log was archived to, or export again.',
    );
  }
  for (const entry of segments) {
    if (entry.to <= after || entry.from > end) continue;
    for await (const line of readSegment({ folder, tenant, entry })) {
      if (!('command' in line)) continue;
      if (line.command.firstPosition > end) return;
      if (line.command.lastPosition > after) yield line.command;
    }
  }
}

export interface ReadSegmentInput {
  readonly folder: string;
  readonly tenant: string;
  readonly entry: SegmentEntry;
}

/**
 * Gives the lines of one segment after its header. Its hash is checked before the first line, the chain with every command, so
 * what was given is what the log held. Throws SegmentDamagedError.
 */
export async function* readSegment({ folder, tenant, entry }: ReadSegmentInput): AsyncGenerator<SegmentLine> {
  const path = join(logFolder(folder, tenant), entry.file);
  const damaged = (what: string, cause?: unknown): SegmentDamagedError => new SegmentDamagedError(path, what, cause);
  const { sha256 } = await hashFile(path).catch((error: unknown) => {
    throw damaged('it cannot be read', error);
  });
  if (sha256 !== entry.sha256) throw damaged(`its SHA-256 is ${sha256}, the manifest says ${entry.sha256}`);

  const content = createHash('sha256');
  const count = { lines: 0, commands: 0, events: 0 };
  let chain = entry.chainBefore;
  let last = entry.from - 1;
  let ended = false;
  const lines = readLines(path);
  try {
    for (;;) {
      const next = await lines.next();
      if (next.done) break;
      if (ended) throw new Error('it goes on after its last line');
      const line = decodeLine(next.value.toString('utf8'));
      if ('header' in line !== (count.lines === 0)) throw new Error('its header is not its first line');
      if ('end' in line) {
        const { end } = line;
        ended = true;
        const found = content.digest('hex');
        if (end.sha256 !== found) throw new Error(`its content has SHA-256 ${found}, its last line says ${end.sha256}`);
        for (const what of ['lines', 'commands', 'events'] as const) {
          if (end[what] !== count[what])
            throw new Error(`it has ${count[what]} ${what}, its last line says ${end[what]}`);
        }
        continue;
      }
      content.update(next.value).update('\n');
      count.lines += 1;
      if ('header' in line) {
        const { header } = line;
        for (const what of ['from', 'to', 'chainBefore', 'chainAfter'] as const) {
          if (header[what] !== entry[what])
            throw new Error(`its header says ${what} ${header[what]}, the manifest ${entry[what]}`);
        }
        if (header.tenant !== tenant) throw new Error(`it is of tenant "${header.tenant}"`);
        continue;
      }
      if ('command' in line) {
        const { command } = line;
        const { firstPosition, lastPosition } = command;
        if (firstPosition !== last + 1) throw new Error(`position ${firstPosition} follows ${last}`);
        chain = chainAfter(chain, command);
        if (chain !== command.chain) throw new Error(`the chain breaks at position ${firstPosition}`);
        last = lastPosition;
        count.commands += 1;
        count.events += command.events.length;
      }
      yield line;
    }
    if (!ended) throw new Error('its last line is missing');
    if (last !== entry.to || chain !== entry.chainAfter)
      throw new Error(`it ends at position ${last}, expected ${entry.to}`);
  } catch (error) {
    throw error instanceof SegmentDamagedError
      ? error
      : damaged(error instanceof Error ? error.message : String(error), error);
  } finally {
    await lines.return(undefined);
  }
}

/** An event of a segment as the event table gives it. */
export function toEventRow({
  position,
  stream,
  version,
  type,
  schemaVersion,
  subjects,
  micros,
  data,
}: LoggedCommand['events'][number]): EventRow {
  return {
    position,
    stream,
    version,
    type,
    schema_version: schemaVersion,
    subjects: [...subjects],
    recorded_at: new Date(Math.floor(Number(micros) / 1_000)),
    // The event table holds what `append` wrote: objects.
    data: JSON.parse(data) as object,
  };
}

/** Lines of a compressed file. */
function readLines(path: string): AsyncGenerator<Buffer> {
  const source = createGunzip();
  // Errors of the file reach the loop through the decompressor, which the pipeline ends with them.
  pipeline(createReadStream(path), source, () => undefined);
  return splitLines(source);
}
