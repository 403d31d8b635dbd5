import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, cp, mkdir, mkdtemp, open, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { whyNoMount } from '../../chaos/fillable-disk.ts';
import type { PrivateServer } from './private-server.ts';
import { serverAccount } from './private-server.ts';

const run = promisify(execFile);
const MiB = 1 << 20;

/** A disk of a private server that can be filled up and freed again. */
export interface SmallDisk extends AsyncDisposable {
  /** From now on a few MiB more do not fit. */
  fill(): Promise<void>;
  /** There is room again; the server is not started again if it went down. */
  free(): Promise<void>;
}

/** What of the server lies on the small disk: the tables and their indexes, or the write-ahead log. */
export type OnDisk = 'data' | 'pg_wal';

/** A way to run out of space. */
export interface DiskKind {
  readonly name: string;
  /** Why it cannot be had on this machine; null = it can. */
  readonly missing: string | null;
  prepare(server: PrivateServer, what: OnDisk): Promise<SmallDisk>;
}

/** A file system of its own: the true ENOSPC. Needs the right to mount. */
export const smallFileSystem: DiskKind = {
  name: 'a small file system',
  missing: await whyNoMount(),
  async prepare(server, what) {
    const { uid, gid } = await serverAccount(server);
    const dir = await mkdtemp(join(tmpdir(), 'holdfast-small-'));
    await run('chmod', ['755', dir]);
    await run('mount', ['-t', 'tmpfs', '-o', `size=96m,mode=755,uid=${uid},gid=${gid}`, 'tmpfs', dir]);
    const filler = join(dir, 'filler');
    const place = join(dir, what);
    if (what === 'data') {
      await mkdir(place);
      await chown(place, uid, gid);
      await onServer(server, `create tablespace small location '${place}'`, 'alter database log set tablespace small');
    } else {
      const wal = join(server.dataDir, 'pg_wal');
      await server.end('SIGINT');
      await cp(wal, place, { recursive: true });
      await run('chown', ['-R', `${uid}:${gid}`, place]);
      await run('chmod', ['-R', 'u=rwX,go=', place]);
      await rename(wal, `${wal}.moved`);
      await symlink(place, wal);
      await server.start();
    }
    return {
      fill: async () => {
        const file = await open(filler, 'w');
        try {
          const block = randomBytes(MiB);
          for (;;) await file.write(block);
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        } finally {
          await file.close();
        }
        // Of the data disk a little stays free, so that some appends get through and one fails in the middle.
        if (what === 'data') await run('truncate', ['--size=-2M', filler]);
      },
      free: () => rm(filler),
      [Symbol.asyncDispose]: async () => {
        await server.end('SIGQUIT');
        await run('umount', [dir]);
        await rmdir(dir);
      },
    };
  },
};

/** A limit on the size of the server's files: writes fail as they do under a quota. Needs no rights. */
export const limitedFiles: DiskKind = {
  name: 'a limit on the size of files',
  missing: process.platform === 'linux' ? null : 'limits of running processes can be changed on Linux only',
  prepare: (server, what) => {
    // Segments of the write-ahead log have 16 MiB each: more than that touches the tables only, less touches it first.
    const limit = what === 'data' ? 17 * MiB : 8 * MiB;
    const set = async (soft: number | 'unlimited'): Promise<void> => {
      // As the server's own user, who may change the soft limit; root in a container may not.
      await run('prlimit', ['--pid', String(server.pid), `--fsize=${soft}:`], {
        ...(process.getuid?.() === 0 ? await serverAccount(server) : {}),
        cwd: '/',
      });
      // Backends have the limit from the postmaster: those that run are replaced.
      await onServer(
        server,
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast'`,
      );
    };
    return Promise.resolve({
      fill: () => set(limit),
      // A server that went down over it comes back without the limit.
      free: async () => {
        await (what === 'data' ? set('unlimited') : server.end('SIGQUIT'));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

async function onServer({ url }: PrivateServer, ...statements: readonly string[]): Promise<void> {
  const other = new URL(url);
  other.pathname = 'postgres';
  const client = new pg.Client({ connectionString: other.href });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
