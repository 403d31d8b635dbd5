import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../stack/free-port.ts';
import { endProcess, readProcessStart } from '../stack/process-identity.ts';
import { startPostgres } from '../stack/start-postgres.ts';
import { startTemporal } from '../stack/start-temporal.ts';
import type { FillableDisk } from './fillable-disk.ts';
import { mountFillableDisk } from './fillable-disk.ts';

/** A PostgreSQL that may be ended in any way, and comes back on the same port. */
export interface PrivatePostgres {
  /** URL of the database `postgres`, as superuser. */
  readonly adminUrl: string;
  readonly dataDir: string;
  /** The file system that the data are on, when it may be filled up; else in words why not. */
  readonly disk: FillableDisk | string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Sends a signal to the postmaster and waits until it is gone. False: it was gone before. */
  end(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<boolean>;
  /** Starts it again, or takes over the one that runs. Throws when the port was taken by somebody else. */
  start(): Promise<void>;
  /** What the server has written into its log so far. */
  said(): Promise<string>;
  stop(): Promise<void>;
}

/** How a private PostgreSQL is run. */
export interface PrivatePostgresOptions {
  /** Added to its environment. @default nothing */
  readonly environment?: Readonly<Record<string, string>>;
  /** Puts its data on a file system of their own, where the machine allows it. @default false */
  readonly fillable?: boolean;
}

/** Starts a PostgreSQL in a folder. Takes about 3 s. */
export async function startPrivatePostgres(
  dir: string,
  { environment = {}, fillable = false }: PrivatePostgresOptions = {},
): Promise<PrivatePostgres> {
  const start = () => startPostgres({ dir, environment, onProgress: () => undefined });
  let running = await start();
  const { adminUrl, port } = running;
  const location = JSON.parse(await readFile(join(dir, 'postgres', 'location.json'), 'utf8')) as { dataDir: string };
  let disk: FillableDisk | string = 'it was not asked for';
  if (fillable) {
    await running.stop();
    disk = await mountFillableDisk(location.dataDir);
    running = await start();
  }
  return {
    adminUrl,
    dataDir: location.dataDir,
    disk,
    get pid() {
      return running.pid;
    },
    end: (signal) => endNow('Postgres', running.pid, signal),
    start: async () => {
      running = await start();
      if (running.port !== port) throw new Error(`The server moved to port ${running.port}.`);
    },
    said: () => readFile(join(dir, 'postgres', 'server.log'), 'utf8'),
    stop: async () => {
      await running.stop();
      if (typeof disk !== 'string') await disk.remove();
    },
  };
}

/** A Temporal server that may be killed and wiped, and comes back at the same address. */
export interface PrivateTemporal {
  readonly address: string;
  /** The Temporal CLI that runs it. */
  readonly cli: string;
  /** Null when it does not run. */
  readonly pid: number | null;
  /** Kills the server at once. False: it was gone before. */
  kill(): Promise<boolean>;
  /** Starts it again, on the same port and with what its database holds. */
  start(): Promise<void>;
  /** Forgets everything the server knew. Kill it first. */
  wipe(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Temporal server in a folder. Takes about 2 s. */
export async function startPrivateTemporal(dir: string): Promise<PrivateTemporal> {
  const port = await findFreePort();
  const start = () => startTemporal({ dir, port, headless: true, onProgress: () => undefined });
  let running = await start();
  const { address } = running;
  const record = JSON.parse(await readFile(join(dir, 'temporal', 'server.json'), 'utf8')) as { cli: string };
  return {
    address,
    cli: record.cli,
    get pid() {
      return running.pid;
    },
    kill: async () => running.pid !== null && (await endNow('Temporal', running.pid, 'SIGKILL')),
    start: async () => {
      running = await start();
      if (running.address !== address) throw new Error(`The server moved to ${running.address}.`);
    },
    wipe: async () => {
      for (const ending of ['', '-wal', '-shm'])
        await rm(join(dir, 'temporal', `temporal.db${ending}`), { force: true });
    },
    stop: () => running.stop(),
  };
}

async function endNow(name: string, pid: number, signal: NodeJS.Signals): Promise<boolean> {
  const start = await readProcessStart(pid);
  if (start === undefined) return false;
  await endProcess({ name, pid, start, signals: [[signal, 30_000]] });
  return true;
}
