import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PostgresStartFailedError } from './stack-errors.ts';

const run = promisify(execFile);
const ownName = 'holdfast-pg';

/** A user of the operating system. */
export interface OsAccount {
  readonly uid: number;
  readonly gid: number;
}

/** True if this process runs as root. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The account to run Postgres as, since it refuses root: `postgres` where it exists, else a system user `holdfast-pg`,
 * created on first use. Undefined if we are not root: then our own account is right.
 *
 * @throws PostgresStartFailedError when there is none and none can be created.
 */
export async function findPostgresAccount(onProgress: (line: string) => void): Promise<OsAccount | undefined> {
  if (!isRoot()) return undefined;
  const found = (await lookUp('postgres')) ?? (await lookUp(ownName));
  if (found !== undefined) return found;
  onProgress(`creating the system user ${ownName}: Postgres does not run as root`);
  let cause: unknown;
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ownName]);
  } catch (error) {
    cause = error;
  }
  const created = await lookUp(ownName);
  if (created !== undefined) return created;
  throw new PostgresStartFailedError(`Postgres does not run as root, and the user ${ownName} could not be created.`, {
    hint: `Run as another user, create the user ${ownName} yourself, or use a Postgres of your own by its URL.`,
    cause,
  });
}

/** True if the account (our own if undefined) can enter a folder, which takes the right to pass all folders above it. */
export async function canEnter(folder: string, account: OsAccount | undefined): Promise<boolean> {
  // Asked of the system, as that user: mode bits alone do not tell of access lists and mount options.
  const entered = run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/' });
  return entered.then(
    () => true,
    () => false,
  );
}

async function lookUp(name: string): Promise<OsAccount | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}
