import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SegmentDamagedError } from '../errors-segments.ts';
import { logFolder, writeWhole } from './segment-folder.ts';
import { asCount, asObject, asText } from './segment-format.ts';
import { splitLines } from './split-lines.ts';

/** A subject's key as a copy of the log carries it. */
export interface ExportedKey {
  readonly subject: string;
  readonly no: number;
  /** The key under the master key, in hex; null when it was destroyed or is not in this copy. */
  readonly wrapped: string | null;
  readonly kekId: string | null;
  /** Times are whole microseconds of the epoch. */
  readonly createdAt: string;
  readonly destroyedAt: string | null;
  readonly forgottenAt: number | null;
}

const fileName = 'keys.jsonl';
const format = { format: 'holdfast-keys', version: 1 } as const;

/** Writes the keys of one log beside its segments, in place of what was there, whole or not at all. */
export async function writeKeys(folder: string, tenant: string, keys: AsyncIterable<ExportedKey>): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    const hash = createHash('sha256');
    const line = (value: object): string => {
      const text = `${JSON.stringify(value)}\n`;
      hash.update(text);
      return text;
    };
    let count = 0;
    yield line({ ...format, tenant });
    for await (const key of keys) {
      count += 1;
      yield line({ key });
    }
    yield line({ end: { keys: count, sha256: hash.copy().digest('hex') } });
  }
  await writeWhole(join(logFolder(folder, tenant), fileName), (temporary) =>
    // Whoever has the master key can read people's data with this file.
    pipeline(Readable.from(lines()), createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true })),
  );
}

/** Reads the keys beside a log's segments; nothing when there is no such file. Throws SegmentDamagedError. */
export async function* readKeys(folder: string, tenant: string): AsyncGenerator<ExportedKey> {
  const path = join(logFolder(folder, tenant), fileName);
  const hash = createHash('sha256');
  let count = 0;
  let state: 'start' | 'keys' | 'ended' = 'start';
  try {
    for await (const text of splitLines(createReadStream(path))) {
      const line = asObject(JSON.parse(text.toString('utf8')), 'line');
      if (state === 'start') {
        if (line['format'] !== format.format || line['version'] !== format.version || line['tenant'] !== tenant) {
          throw new Error(`expected the keys of tenant "${tenant}"`);
        }
        state = 'keys';
      } else if ('key' in line) {
        count += 1;
        yield decodeKey(asObject(line['key'], 'key'));
      } else {
        const end = asObject(line['end'], 'end');
        if (asCount(end['keys'], 'keys') !== count)
          throw new Error(`it has ${count} keys, its last line says otherwise`);
        if (asText(end['sha256'], 'sha256') !== hash.copy().digest('hex')) throw new Error('its SHA-256 is another');
        state = 'ended';
      }
      hash.update(text).update('\n');
    }
    if (state !== 'ended') throw new Error('its last line is missing');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw new SegmentDamagedError(path, error instanceof Error ? error.message : String(error), error);
  }
}

function decodeKey(key: Readonly<Record<string, unknown>>): ExportedKey {
  const optional = (name: string): string | null => (key[name] === null ? null : asText(key[name], name));
  return {
    subject: asText(key['subject'], 'subject'),
    no: asCount(key['no'], 'no'),
    wrapped: optional('wrapped'),
    kekId: optional('kekId'),
    createdAt: asText(key['createdAt'], 'createdAt'),
    destroyedAt: optional('destroyedAt'),
    forgottenAt: key['forgottenAt'] === null ? null : asCount(key['forgottenAt'], 'forgottenAt'),
  };
}
