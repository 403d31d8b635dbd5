import { spawn } from 'node:child_process';
import { access, chmod, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../stack/free-port.ts';
import { readProcessCommand, readProcessStart } from '../../stack/process-identity.ts';
import { idleProcess, makeFolder, project, run, until } from './fixtures/workshop.ts';
import type { Outcome } from './fixtures/workshop.ts';

interface Report {
  readonly address: string;
  readonly ui: string | null;
  readonly pid: number;
  readonly cli: string;
  readonly startedByUs: boolean;
  readonly starter: string | null;
  readonly dir: string;
}

const script = join(project, 'temporal-dev.sh');
const attributes = ['Tenant', 'Thread', 'Branch', 'Turn', 'Agent', 'State'].map((name) => `Holdfast${name}`);

function environment(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, TEMPORAL_ADDRESS: undefined, ...changes };
}

async function dev(args: string[], env: NodeJS.ProcessEnv = environment()): Promise<Outcome> {
  return run('bash', [script, ...args], env);
}

async function stop(dir: string): Promise<void> {
  await dev(['stop', '--dir', dir]);
}

async function start(dir: string, args: string[] = [], env?: NodeJS.ProcessEnv): Promise<Report & { notes: string }> {
  onTestFinished(() => stop(dir));
  const { code, stdout, stderr } = await dev(['start', '--json', '--dir', dir, ...args], env);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return { ...(JSON.parse(stdout) as Report), notes: stderr };
}

async function ask(server: Report, ...args: string[]): Promise<string> {
  return (await run(server.cli, [...args, '--address', server.address], environment())).stdout;
}

async function isAlive(pid: number): Promise<boolean> {
  return (await readProcessStart(pid)) !== undefined;
}

async function occupied(): Promise<number> {
  const port = await findFreePort();
  const server = createServer();
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return port;
}

describe('start and stop', { timeout: 60_000 }, () => {
  test('a server with our settings, reported as text and as JSON', async () => {
    const dir = join(await makeFolder(), "it's", 'temporal');
    const server = await start(dir, ['--port', String(await findFreePort())]);
    expect(server).toMatchObject({ startedByUs: true, starter: 'user', dir });
    expect(await ask(server, 'operator', 'cluster', 'health')).toContain('SERVING');
    const listed = await ask(server, 'operator', 'search-attribute', 'list');
    for (const name of attributes) expect(listed).toMatch(new RegExp(`${name} +Keyword`));
    const command = await readProcessCommand(server.pid);
    for (const setting of [
      '--ip 127.0.0.1',
      'history.transferProcessorMaxPollRPS=2000',
      'matching.numTaskqueueReadPartitions=1',
      'matching.numTaskqueueWritePartitions=1',
      'system.enableActivityEagerExecution=true',
      'journal_mode=WAL',
      'synchronous=NORMAL',
    ]) {
      expect(command).toContain(setting);
    }
    expect(await readdir(dir)).toContain('temporal.db-wal');
    expect((await fetch(server.ui ?? '')).status).toBe(200);

    const status = await dev(['status', '--dir', dir]);
    expect(status).toMatchObject({ code: 0, stdout: `Temporal: ${server.address}\nWeb UI:   ${server.ui ?? ''}\n` });
    expect(await dev(['stop', '--dir', dir])).toMatchObject({ code: 0, stdout: 'stopped\n' });
    expect(await isAlive(server.pid)).toBe(false);
    expect(await dev(['status', '--dir', dir])).toMatchObject({ code: 3, stdout: 'not running\n' });
    expect(await dev(['stop', '--dir', dir])).toMatchObject({ code: 0, stdout: 'not running\n' });
  });

  test('workflows outlive the server, also a SIGKILL', async () => {
    const dir = await makeFolder();
    const first = await start(dir, ['--headless']);
    expect(first.ui).toBeNull();
    await ask(first, 'workflow', 'start', '--type', 'any', '--task-queue', 'any', '--workflow-id', 'kept');
    process.kill(first.pid, 'SIGKILL');
    await until('the server is gone', async () => !(await isAlive(first.pid)));
    const second = await start(dir, ['--headless']);
    expect(second.notes).toContain(`the server of an earlier run (process ${first.pid}) is gone`);
    expect(second).toMatchObject({ startedByUs: true });
    expect(await ask(second, 'workflow', 'describe', '--workflow-id', 'kept')).toContain('kept');
  });

  test('a second start reports the running one, also two at the same moment', async () => {
    const dir = await makeFolder();
    const both = await Promise.all([start(dir, ['--headless']), start(dir, ['--headless'])]);
    expect(both[0].pid).toBe(both[1].pid);
    expect(both.map((one) => one.startedByUs).toSorted()).toEqual([false, true]);
    expect(await start(dir)).toMatchObject({ pid: both[0].pid, startedByUs: false });
  });

  test('two folders at the same moment get a server each', async () => {
    const port = String(await findFreePort());
    const folders = [await makeFolder(), await makeFolder()];
    const servers = await Promise.all(folders.map((dir) => start(dir, ['--port', port])));
    expect(new Set(servers.map((server) => server.address)).size).toBe(2);
    expect(new Set(servers.map((server) => server.ui)).size).toBe(2);
    for (const server of servers) expect(await isAlive(server.pid)).toBe(true);
  });

  test('occupied ports are passed by', async () => {
    const [port, uiPort] = [await occupied(), await occupied()];
    const server = await start(await makeFolder(), ['--port', String(port), '--ui-port', String(uiPort)]);
    expect(server.notes).toContain(`port ${port} is occupied, using`);
    expect(server.notes).toContain(`port ${uiPort} is occupied, using`);
    expect(server.address).not.toBe(`127.0.0.1:${port}`);
    expect((await fetch(server.ui ?? '')).status).toBe(200);
  });

  test('a stale record that names another process does it no harm', async () => {
    const dir = await makeFolder();
    const stranger = idleProcess();
    const record = { pid: stranger.pid, processStart: 'of another process', address: '127.0.0.1:1' };
    await writeFile(join(dir, 'server.json'), `${JSON.stringify(record, undefined, 2)}\n`);
    expect(await dev(['status', '--dir', dir])).toMatchObject({ code: 3 });
    const server = await start(dir, ['--headless']);
    expect(server.pid).not.toBe(stranger.pid);
    expect(await isAlive(stranger.pid)).toBe(true);
    await writeFile(join(dir, 'server.json'), `${JSON.stringify(record, undefined, 2)}\n`);
    await dev(['stop', '--dir', dir]);
    expect(await isAlive(stranger.pid)).toBe(true);
    process.kill(server.pid, 'SIGTERM');
  });

  test('an older database gets the search attributes it lacks', async () => {
    const dir = await makeFolder();
    const { cli } = await start(dir, ['--headless']);
    await dev(['stop', '--dir', dir]);
    const old = await makeFolder();
    const port = String(await findFreePort());
    const args = ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', port];
    const before = spawn(cli, [...args, '-f', join(old, 'temporal.db')], { stdio: 'ignore' });
    const isUp = async (): Promise<boolean> =>
      (await run(cli, ['operator', 'cluster', 'health', '--address', `127.0.0.1:${port}`])).code === 0;
    await until('the older server answers', isUp, 20_000);
    before.kill('SIGTERM');
    await new Promise((resolve) => before.once('exit', resolve));
    const listed = await ask(await start(old, ['--headless']), 'operator', 'search-attribute', 'list');
    for (const name of attributes) expect(listed).toMatch(new RegExp(`${name} +Keyword`));
  });

  test('stays in the foreground until Ctrl-C, then stops the server', async () => {
    const dir = await makeFolder();
    onTestFinished(() => stop(dir));
    const child = spawn('bash', [script, 'start', '--foreground', '--headless', '--json', '--dir', dir], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const line = await new Promise<string>((resolve) =>
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    const { pid } = JSON.parse(line) as Report;
    child.kill('SIGINT');
    expect(await exited).toBe(0);
    expect(await isAlive(pid)).toBe(false);
  });

  test('a failed start shows the end of the log and leaves no process', async () => {
    const dir = await makeFolder();
    await writeFile(join(dir, 'temporal.db'), 'this is no database '.repeat(100));
    const { code, stderr } = await dev(['start', '--dir', dir]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/did not start\. The end of .*server\.log:\n.*not a database/s);
    expect(await dev(['status', '--dir', dir])).toMatchObject({ code: 3 });
  });
});

describe('a server that someone else runs', { timeout: 60_000 }, () => {
  test('is reported and left alone', async () => {
    const theirs = await start(await makeFolder(), ['--headless']);
    const dir = await makeFolder();
    const env = environment({ TEMPORAL_ADDRESS: theirs.address });
    const found = await start(dir, [], env);
    expect(found).toMatchObject({ address: theirs.address, pid: null, ui: null, startedByUs: false, starter: null });
    expect(await dev(['stop', '--dir', dir], env)).toMatchObject({ stdout: 'not running\n' });
    expect(await isAlive(theirs.pid)).toBe(true);
  });

  test('one on this machine that does not answer is replaced, on its port', async () => {
    const address = `127.0.0.1:${await findFreePort()}`;
    const server = await start(await makeFolder(), ['--headless'], environment({ TEMPORAL_ADDRESS: address }));
    expect(server).toMatchObject({ address, startedByUs: true });
    expect(server.notes).toContain('no Temporal server answers');
    const again = await start(server.dir, ['--headless'], environment({ TEMPORAL_ADDRESS: address }));
    expect(again).toMatchObject({ pid: server.pid, startedByUs: false });
  });

  test('one elsewhere that does not answer is an error', async () => {
    const env = environment({ TEMPORAL_ADDRESS: '192.0.2.1:7233' });
    const { code, stderr } = await dev(['start', '--dir', await makeFolder()], env);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('no Temporal server answers at TEMPORAL_ADDRESS=192.0.2.1:7233'),
    ]);
  });
});

describe('getting the Temporal CLI', { timeout: 60_000 }, () => {
  const tools =
    'bash env sed cat ln readlink mktemp mkdir rm mv cut du sleep head tail sort dirname basename uname ps wc touch tr nohup grep chmod cp id';

  // A PATH with ordinary tools only, and an empty cache.
  async function bareMachine(): Promise<{ folder: string; bin: string; cached: string; env: NodeJS.ProcessEnv }> {
    const folder = await makeFolder();
    const bin = join(folder, 'bin');
    await mkdir(bin);
    for (const tool of tools.split(' ')) {
      await symlink((await run('bash', ['-c', `type -P ${tool}`])).stdout.trim(), join(bin, tool));
    }
    const env = environment({ PATH: bin, XDG_CACHE_HOME: join(folder, 'cache'), HOLDFAST_NO_DOWNLOAD: '1' });
    return { folder, bin, cached: join(folder, 'cache', 'holdfast', 'temporal', 'temporal'), env };
  }

  async function program(path: string, text: string): Promise<void> {
    await writeFile(path, `#!/usr/bin/env bash\n${text}\n`);
    await chmod(path, 0o755);
  }

  // Instead of compiling for minutes, installs a program that passes everything on to the CLI found on this machine.
  async function fakeGo(folder: string, bin: string): Promise<void> {
    const { cli } = await start(await makeFolder(), ['--headless']);
    await program(join(folder, 'cli'), `exec '${cli}' "$@"`);
    await program(join(bin, 'go'), `echo "$*" >>'${folder}/builds'; sleep 1; cp '${folder}/cli' "$GOBIN/temporal"`);
  }

  test('without any way to get it the message names them all', async () => {
    const { env } = await bareMachine();
    const { code, stderr } = await dev(['start', '--dir', await makeFolder()], env);
    expect(code).toBe(1);
    for (const way of ['brew install temporal', 'holdfast/temporal', 'download', 'install Go', 'TEMPORAL_ADDRESS']) {
      expect(stderr).toContain(way);
    }
  });

  test('built once with Go, also by two at the same moment, then taken from the cache', async () => {
    const { folder, bin, cached, env } = await bareMachine();
    await fakeGo(folder, bin);
    const [one, two] = [await makeFolder(), await makeFolder()];
    const servers = await Promise.all([start(one, ['--headless'], env), start(two, ['--headless'], env)]);
    for (const server of servers) expect(server.cli).toBe(cached);
    expect(servers.map((server) => server.notes).join('')).toContain('about 5 minutes, once');
    expect(await readFile(join(folder, 'builds'), 'utf8')).toBe(
      'install github.com/temporalio/cli/cmd/temporal@v1.5.1\n',
    );
    expect((await readdir(join(cached, '..'))).filter((name) => name.startsWith('get.'))).toEqual([]);
  });

  test('a lock of a dead process does not stand in the way; a build that fails is told and leaves nothing', async () => {
    const { bin, cached, env } = await bareMachine();
    await mkdir(join(cached, '..'), { recursive: true });
    await symlink('2147483647 of a dead process', join(cached, '..', 'get.lock'));
    await program(join(bin, 'go'), 'echo "no such module" >&2; exit 1');
    const { code, stderr } = await dev(['start', '--dir', await makeFolder()], env);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the build failed: no such module')]);
    expect(await readdir(join(cached, '..'))).toEqual([]);
  });

  test('a killed build leaves a cache that the next run repairs', async () => {
    const { folder, bin, cached, env } = await bareMachine();
    await program(join(bin, 'go'), `echo half >"$GOBIN/temporal"; echo $$ >'${folder}/pid'; exec sleep 600`);
    const child = spawn('bash', [script, 'start', '--dir', await makeFolder()], { env, stdio: 'ignore' });
    const building = async (): Promise<boolean> =>
      access(join(folder, 'pid')).then(
        () => true,
        () => false,
      );
    await until('the build runs', building);
    child.kill('SIGKILL');
    process.kill(Number(await readFile(join(folder, 'pid'), 'utf8')), 'SIGKILL');
    await fakeGo(folder, bin);
    expect((await start(await makeFolder(), ['--headless'], env)).cli).toBe(cached);
  });

  test('one on PATH is taken first, unless it is too old', async () => {
    const { folder, bin, cached, env } = await bareMachine();
    await fakeGo(folder, bin);
    await program(join(bin, 'temporal'), 'echo "temporal version 1.0.0 (Server 1.24.2, UI 2.28.0)"');
    const server = await start(await makeFolder(), ['--headless'], env);
    expect(server.cli).toBe(cached);
    expect(server.notes).toContain('older than Temporal Server 1.28');
    await program(join(bin, 'temporal'), `exec '${folder}/cli' "$@"`);
    expect((await start(await makeFolder(), ['--headless'], env)).cli).toBe(join(bin, 'temporal'));
  });
});

test('options are checked and explained', async () => {
  expect((await dev(['--help'])).stdout).toContain('--foreground');
  expect(await dev(['--port', 'abc'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('given: abc') as string,
  });
  expect(await dev(['--port'])).toMatchObject({ code: 1, stderr: expect.stringContaining('needs a value') as string });
  expect(await dev(['restart'])).toMatchObject({ code: 1, stderr: expect.stringContaining('restart') as string });
});
