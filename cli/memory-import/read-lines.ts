import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import type { ImportedMessage } from '../../client/index.ts';
import { ImportFileInvalidError } from './import-file-error.ts';

/** One line of a file, as docs/memory.md has it. */
const line = z.strictObject({
  speaker: z.string().min(1),
  text: z.string(),
  time: z.iso.datetime({ offset: true }).optional(),
  session: z.string().min(1).optional(),
  user: z.string().min(1).optional(),
  agent: z.string().min(1).optional(),
  thread: z.string().min(1).optional(),
});

/**
 * Reads a file of JSON lines, gzipped when its name ends in .gz, line by line. Parts of a scope that a line does not name are `scope`'s.
 * Throws ImportFileInvalidError with the number of the first bad line; everything before it has been given.
 */
export async function* readLines(
  file: string,
  scope: NonNullable<ImportedMessage['scope']>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<ImportedMessage> {
  const bytes = createReadStream(file);
  bytes.on('data', (chunk) => onBytes(chunk.length));
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  // An error of the first stream does not reach what it is piped into.
  bytes.on('error', (error) => input.destroy(error));
  let number = 0;
  for await (const raw of createInterface({ input, crlfDelay: Infinity })) {
    number += 1;
    if (raw.trim() === '') continue;
    const { user, agent, thread, time, session, speaker, text } = parse(raw, `${file}, line ${number}`);
    yield {
      speaker,
      text,
      ...(time === undefined ? {} : { at: new Date(time) }),
      ...(session === undefined ? {} : { session }),
      scope: {
        ...scope,
        ...(user === undefined ? {} : { user }),
        ...(agent === undefined ? {} : { agent }),
        ...(thread === undefined ? {} : { thread }),
      },
    };
  }
}

function parse(raw: string, where: string): z.infer<typeof line> {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (cause) {
    throw new ImportFileInvalidError(`${where} is not JSON.`, cause);
  }
  const parsed = line.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ImportFileInvalidError(`${where} is not a message: ${z.prettifyError(parsed.error)}`, parsed.error);
}
