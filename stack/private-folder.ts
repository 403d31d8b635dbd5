import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A new folder for a local stack, as private as mkdtemp makes it: as root, its Postgres keeps the data elsewhere. */
export function makeStackFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'holdfast-stack-'));
}

/** Removes the folder of a stopped local stack, with data that Postgres keeps elsewhere because root ran it. */
export async function removeStackFolder(dir: string): Promise<void> {
  const location = await readFile(join(dir, 'postgres', 'location.json'), 'utf8').catch(() => null);
  if (location !== null) {
    const { dataDir } = JSON.parse(location) as { dataDir: string };
    if (!dataDir.startsWith(join(dir, '/'))) await rm(dirname(dirname(dataDir)), { recursive: true, force: true });
  }
  await rm(dir, { recursive: true, force: true });
}
