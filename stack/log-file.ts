import { mkdir, open, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

const largestBytes = 10_000_000;

/** A log file that is open for a child to write to. */
export interface OpenLog {
  readonly handle: FileHandle;
  /** Length in bytes before this run; what follows is this run's output. */
  readonly offset: number;
}

/**
 * Opens a log file for appending. One over 10 MB is first renamed to `<file>.1`, replacing the one before.
 * Children write to the file itself, not through us, so that they neither block nor die when we do.
 */
export async function openLog(file: string): Promise<OpenLog> {
  await mkdir(dirname(file), { recursive: true });
  const size = await stat(file).then(
    (info) => info.size,
    () => 0,
  );
  if (size > largestBytes) await rename(file, `${file}.1`);
  const handle = await open(file, 'a');
  return { handle, offset: (await handle.stat()).size };
}

/** What was written to a file after `offset` bytes, at most the last `limitBytes` of it; empty if there is no file. */
export async function readSince(file: string, offset: number, limitBytes = 1_000_000): Promise<string> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    const from = Math.max(offset, size - limitBytes);
    if (size <= from) return '';
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await handle.close();
  }
}

/** The last lines that were written to a file after `offset` bytes. */
export async function readTail(file: string, offset: number, lines = 20): Promise<string> {
  const text = await readSince(file, offset, 20_000);
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
