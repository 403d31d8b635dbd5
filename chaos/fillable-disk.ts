import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Size of the file system that a database is put on, in MiB: its memory is used as far as it is written. */
const sizeMiB = 2_048;

/** A file system of a database's own that can be filled up and freed again. */
export interface FillableDisk {
  /** From now on nothing more fits. */
  fill(): Promise<void>;
  /** There is room again; a server that went down over it is not started. */
  free(): Promise<void>;
  /** Takes the data back to where they were and removes the file system. The server must not run. */
  remove(): Promise<void>;
}

/**
 * Puts the data folder of a stopped server on a file system of its own, in memory.
 *
 * @returns the disk, or in words why it cannot be had here; the data are then where they were.
 */
export async function mountFillableDisk(dataDir: string): Promise<FillableDisk | string> {
  const refused = await whyNoMount();
  if (refused !== null) return refused;
  const { uid, gid } = await stat(dataDir);
  const original = join(dirname(dataDir), `${basename(dataDir)}.on-disk`);
  const filler = join(dataDir, 'filler');
  await rename(dataDir, original);
  await run('mkdir', [dataDir]);
  await mount(dataDir, sizeMiB, `,mode=700,uid=${uid},gid=${gid}`);
  await copyInto(original, dataDir);
  await rm(original, { recursive: true });
  return {
    fill: async () => {
      // What is freed meanwhile is taken as well, until nothing is.
      for (let n = 0; n < 20; n++) {
        const { bavail, bsize } = await statfs(dataDir);
        if (bavail === 0) return;
        await run('fallocate', ['--length', String(bavail * bsize), `${filler}.${n}`]).catch(() => undefined);
      }
    },
    free: async () => {
      for (const name of await readdir(dataDir))
        if (name.startsWith(basename(filler))) await rm(join(dataDir, name), { force: true });
    },
    remove: async () => {
      await run('mkdir', [original]);
      await run('chmod', ['700', original]);
      await run('chown', [`${uid}:${gid}`, original]);
      await copyInto(dataDir, original);
      await run('umount', [dataDir]);
      await rmdir(dataDir);
      await rename(original, dataDir);
    },
  };
}

/** Copies what is in a folder, with owners and rights. */
async function copyInto(from: string, to: string): Promise<void> {
  await run('cp', ['--archive', `${from}/.`, to]);
}

function mount(dir: string, mib: number, more = ''): Promise<unknown> {
  return run('mount', ['-t', 'tmpfs', '-o', `size=${mib}m${more}`, 'tmpfs', dir]);
}

/** Why this user cannot mount a file system here, in words; null = they can. */
export async function whyNoMount(): Promise<string | null> {
  if (process.platform !== 'linux') return 'a file system in memory is mounted on Linux only';
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-mount-'));
  try {
    await mount(dir, 1);
    await run('umount', [dir]);
    return null;
  } catch {
    return 'this user may not mount a file system';
  } finally {
    await rmdir(dir);
  }
}
