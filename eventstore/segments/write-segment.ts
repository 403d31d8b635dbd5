import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { LoggedCommand } from './logged-command.ts';
import { logFolder, segmentName, writeWhole } from './segment-folder.ts';
import type { SegmentEntry } from './segment-folder.ts';
import { encodeLine } from './segment-format.ts';
import type { SegmentHeader, SegmentLine } from './segment-format.ts';

export interface WriteSegmentInput {
  readonly folder: string;
  readonly header: SegmentHeader;
  readonly commands: AsyncIterable<LoggedCommand>;
  /** Lines about streams, asked for when all commands are written; gets the last versions of streams by number. */
  readonly streams: (touched: ReadonlyMap<number, number>) => AsyncIterable<SegmentLine>;
  /** Seals of streams of earlier segments that this one makes up for. @default 0 */
  readonly missedSeals?: number;
}

/** Lines are handed to the compressor in pieces of about this size: one call per line would cost more than the line. */
const chunkBytes = 64 * 1024;

/** Writes one segment file, whole or not at all, and gives its entry for the manifest. */
export async function writeSegment({
  folder,
  header,
  commands,
  streams,
  missedSeals = 0,
}: WriteSegmentInput): Promise<SegmentEntry> {
  const file = segmentName(header);
  const count = { commands: 0, events: 0, sealed: missedSeals };
  const touched = new Map<number, number>();

  async function* lines(): AsyncGenerator<SegmentLine> {
    yield { header };
    for await (const command of commands) {
      count.commands += 1;
      count.events += command.events.length;
      for (const { streamNo, version } of command.events) touched.set(streamNo, version);
      yield { command };
    }
    for await (const line of streams(touched)) {
      if ('streams' in line) count.sealed += line.streams.filter(({ sealed }) => sealed).length;
      yield line;
    }
  }

  async function* chunks(): AsyncGenerator<Buffer> {
    const content = createHash('sha256');
    let pending: string[] = [];
    let size = 0;
    let written = 0;
    for await (const line of lines()) {
      const text = encodeLine(line);
      written += 1;
      pending.push(text);
      size += text.length;
      if (size < chunkBytes) continue;
      const chunk = Buffer.from(pending.join(''));
      content.update(chunk);
      yield chunk;
      pending = [];
      size = 0;
    }
    const rest = Buffer.from(pending.join(''));
    const sha256 = content.update(rest).digest('hex');
    const end = encodeLine({ end: { commands: count.commands, events: count.events, lines: written, sha256 } });
    yield Buffer.concat([rest, Buffer.from(end)]);
  }

  const { sha256, bytes } = await writeWhole(join(logFolder(folder, header.tenant), file), async (temporary) => {
    const hash = createHash('sha256');
    let size = 0;
    await pipeline(
      Readable.from(chunks(), { objectMode: false }),
      createGzip({ level: 4 }),
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          hash.update(chunk);
          size += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(temporary, { flags: 'wx', flush: true }),
    );
    return { sha256: hash.digest('hex'), bytes: size };
  });
  const { from, to, chainBefore, chainAfter, createdAt } = header;
  return { file, from, to, ...count, streams: header.streams, bytes, sha256, chainBefore, chainAfter, createdAt };
}
