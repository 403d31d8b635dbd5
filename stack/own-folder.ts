import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { currentHolder, releaseLock, takeLock } from './folder-lock.ts';
import { endProcess, hasCode, isSameProcess, readProcessStart } from './process-identity.ts';
import { StackOwnedError } from './stack-errors.ts';

/** One running part of a stack, as recorded in `stack.json`. */
export interface StackService {
  /** `postgres`, `temporal`, `worker`, `demo-model` … */
  readonly name: string;
  /** Null for a part that someone else runs. */
  readonly pid: number | null;
  /** From {@link readProcessStart}; null where pid is. */
  readonly start: string | null;
  readonly url: string | null;
}

/** Who runs, or ran, the stack of a folder, and what belongs to it. */
export interface StackOwner {
  readonly pid: number;
  readonly start: string;
  /** ISO time at which it took the folder. */
  readonly since: string;
  /** Its own parts; before the first record, those that a dead owner left behind. */
  readonly services: readonly StackService[];
}

/** Answer of {@link readOwner}. */
export type FolderOwner =
  | { readonly state: 'none' }
  | { readonly state: 'alive'; readonly owner: StackOwner }
  | { readonly state: 'dead'; readonly owner: StackOwner };

/** Says who runs the stack of a folder (the `.holdfast` folder of a project), without changing anything. */
export async function readOwner(dir: string): Promise<FolderOwner> {
  const [owner, holder] = [await readRecord(dir), await currentHolder(dir)];
  // The lock decides: between taking it and writing the record, the record is still that of the owner before.
  if (holder !== undefined && (await isSameProcess(holder.pid, holder.start))) {
    const own = owner !== undefined && owner.pid === holder.pid && owner.start === holder.start;
    return { state: 'alive', owner: own ? owner : { ...holder, services: [] } };
  }
  return owner === undefined ? { state: 'none' } : { state: 'dead', owner };
}

/** What taking a folder found. */
export interface FolderClaim {
  /** Parts that an earlier owner recorded and did not end, for {@link endLeftovers}. */
  readonly leftovers: readonly StackService[];
}

/**
 * Makes this process the owner of the stack in a folder. Of several that try at the same moment exactly one succeeds,
 * also when they all find the remains of a dead owner.
 *
 * @throws StackOwnedError when another living process, or this one, already owns it.
 */
export async function claimFolder(dir: string): Promise<FolderClaim> {
  await mkdir(dir, { recursive: true });
  const mine = await thisProcess();
  while (!(await takeLock(dir, mine))) {
    const found = await readOwner(dir);
    // Not alive: whoever was faster has already let go or died, so there is something to take again.
    if (found.state === 'alive') throw ownedBy(dir, found.owner);
  }
  const services = (await readRecord(dir))?.services ?? [];
  // Kept in our record until they are ended or replaced: if we die before, the next owner finds them all the same.
  await writeRecord(dir, { ...mine, services });
  return { leftovers: services };
}

/** Replaces the list of parts in the record of a folder that this process owns. Call it after every start and stop. */
export async function recordServices(dir: string, services: readonly StackService[]): Promise<void> {
  await writeRecord(dir, { ...(await ownRecord(dir)), services });
}

/** Lets go of a folder that this process owns: nothing is left of the record. Call it when every part has been ended. */
export async function releaseFolder(dir: string): Promise<void> {
  await ownRecord(dir);
  await rm(recordFile(dir), { force: true });
  await releaseLock(dir, await thisProcess());
}

/**
 * Ends what a dead owner left running: each process only if its number and its start time are those recorded.
 * Postgres is left alone, because `startPostgres` attaches to it. Returns the parts that were still alive.
 */
export async function endLeftovers(
  leftovers: readonly StackService[],
  { graceMs = 10_000 }: { readonly graceMs?: number } = {},
): Promise<readonly StackService[]> {
  const ended: StackService[] = [];
  // In reverse order of their start: the worker goes before the server it talks to.
  for (const service of leftovers.toReversed()) {
    const { name, pid, start } = service;
    if (name === 'postgres' || pid === null || start === null || !(await isSameProcess(pid, start))) continue;
    const signals = [['SIGTERM', graceMs] as const, ['SIGKILL', 5_000] as const];
    await endProcess({ name, pid, start, signals });
    ended.push(service);
  }
  return ended;
}

/** One entry for {@link recordServices}, with the start time looked up. `pid` null for a part that someone else runs. */
export async function describeService(name: string, pid: number | null, url: string | null): Promise<StackService> {
  const start = pid === null ? null : ((await readProcessStart(pid)) ?? null);
  return { name, pid: start === null ? null : pid, start, url };
}

async function thisProcess(): Promise<{ pid: number; start: string; since: string }> {
  const since = new Date(Date.now()).toISOString();
  return { pid: process.pid, start: (await readProcessStart(process.pid)) ?? 'unknown', since };
}

async function ownRecord(dir: string): Promise<StackOwner> {
  const owner = await readRecord(dir);
  if (owner?.pid === process.pid && (await isSameProcess(owner.pid, owner.start))) return owner;
  throw ownedBy(dir, owner ?? { pid: 0, start: '', since: 'an unknown time', services: [] });
}

function ownedBy(dir: string, { pid, since, services }: StackOwner): StackOwnedError {
  return new StackOwnedError({ dir, pid, since, urls: services.flatMap(({ url }) => (url === null ? [] : [url])) });
}

function recordFile(dir: string): string {
  return join(dir, 'stack.json');
}

async function readRecord(dir: string): Promise<StackOwner | undefined> {
  try {
    return parseOwner(await readFile(recordFile(dir), 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

// Written and renamed, so a reader never sees half of it; synced by nobody, because after a power cut no process lives.
async function writeRecord(dir: string, owner: StackOwner): Promise<void> {
  const temporary = `${recordFile(dir)}.${crypto.randomUUID()}`;
  // Owner only: the addresses hold passwords.
  await writeFile(temporary, `${JSON.stringify(owner, undefined, 2)}\n`, { mode: 0o600 });
  await rename(temporary, recordFile(dir));
}

// A record that cannot be read (cut off by a full disk, written by hand) names no process that could be ended safely.
function parseOwner(text: string): StackOwner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<StackOwner> | null; // our own file; checked below as far as we rely on it
    if (typeof owner?.pid !== 'number' || typeof owner.start !== 'string') return undefined;
    return { pid: owner.pid, start: owner.start, since: owner.since ?? '', services: owner.services ?? [] };
  } catch {
    return undefined;
  }
}
