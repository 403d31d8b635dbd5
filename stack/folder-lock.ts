import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, isSameProcess } from './process-identity.ts';

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly start: string;
  /** ISO time at which it was taken. */
  readonly since: string;
}

const nobody: LockHolder = { pid: 0, start: '', since: '' };

/**
 * Takes the lock of a folder; false if a living process holds it.
 *
 * The lock is the file `stack.lock.<n>` with the highest number. A lock of a dead holder is never removed to make room,
 * because two that try would each remove what the other just made. Instead the next number is created, which the file
 * system grants to one only; a taker that finds a higher number afterwards was overtaken and gives up. For that the
 * numbers must never start again, so a released lock stays behind as a file that names nobody.
 */
export async function takeLock(dir: string, holder: LockHolder): Promise<boolean> {
  const before = await generations(dir);
  const newest = before.at(-1);
  if (newest !== undefined) {
    const current = await readHolder(dir, newest);
    if (current === undefined || (await isSameProcess(current.pid, current.start))) return false;
  }
  const mine = (newest ?? 0) + 1;
  if (!(await createWhole(dir, mine, holder))) return false;
  if ((await generations(dir)).some((generation) => generation > mine)) {
    await rm(lockFile(dir, mine), { force: true });
    return false;
  }
  for (const dead of before) await rm(lockFile(dir, dead), { force: true });
  return true;
}

/** Gives the lock of a folder back, if this holder has it. */
export async function releaseLock(dir: string, holder: LockHolder): Promise<void> {
  for (const generation of await generations(dir)) {
    const current = await readHolder(dir, generation);
    if (current?.pid !== holder.pid || current.start !== holder.start) continue;
    const draft = await writeDraft(dir, nobody);
    await rename(draft, lockFile(dir, generation));
  }
}

/** Who holds the lock of a folder, alive or dead (then a process id of 0 stands for nobody); undefined if there is none. */
export async function currentHolder(dir: string): Promise<LockHolder | undefined> {
  const newest = (await generations(dir)).at(-1);
  return newest === undefined ? undefined : readHolder(dir, newest);
}

function lockFile(dir: string, generation: number): string {
  return join(dir, `stack.lock.${generation}`);
}

async function generations(dir: string): Promise<number[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const digits = /^stack\.lock\.(\d+)$/.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    })
    .sort((a, b) => a - b);
}

// Undefined if the file went away since it was listed: another taker removed it.
async function readHolder(dir: string, generation: number): Promise<LockHolder | undefined> {
  const text = await readFile(lockFile(dir, generation), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as LockHolder; // whole by construction, see createWhole …
  } catch {
    return nobody; // … except after a power cut, which its holder did not outlive
  }
}

// A link to a finished file: either the lock is there with its holder's name in it, or it is not there.
async function createWhole(dir: string, generation: number, holder: LockHolder): Promise<boolean> {
  const draft = await writeDraft(dir, holder);
  try {
    await link(draft, lockFile(dir, generation));
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDraft(dir: string, holder: LockHolder): Promise<string> {
  const draft = join(dir, `stack.draft.${crypto.randomUUID()}`);
  await writeFile(draft, JSON.stringify(holder));
  return draft;
}
