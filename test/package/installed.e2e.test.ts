import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { startDemoModel } from '../../llm/demo-model/server.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

// Packing, and installing some two hundred packages, on a busy machine.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 420_000 });

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const database = withDatabase();

let folder: string;
let model: Awaited<ReturnType<typeof startDemoModel>>;
let env: NodeJS.ProcessEnv;

// One installation for the file: what a user's own project looks like after `npm install holdfast`.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-installed-'));
  model = await startDemoModel({ port: 0 });
  env = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: process.env['HOME'],
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('servers').temporalAddress,
    HOLDFAST_MASTER_KEY: testMasterKey,
    HOLDFAST_TASK_QUEUE: `installed-${randomBytes(6).toString('hex')}`,
    HOLDFAST_LLM_BASE_URL: model.url,
    HOLDFAST_MODEL: 'demo',
  };
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: root,
    env,
    maxBuffer: 2 ** 26,
  });
  const [, tarball = ''] = /"filename":\s*"([^"]+)"/.exec(packed.stdout) ?? [];
  const project = join(folder, 'project');
  await cp(join(root, 'examples', 'installed'), project, { recursive: true });
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel', 'error'];
  // A registry that stalls is asked once more, rather than waited for.
  const install = () =>
    run('npm', ['install', join(folder, tarball), ...quiet], { cwd: project, env, timeout: 150_000 });
  await install().catch(install);
  folder = project;
});

afterAll(async () => {
  await model.close();
  await rm(dirname(folder), { recursive: true, force: true });
});

const holdfast = (...args: string[]) =>
  run(join(folder, 'node_modules', '.bin', 'holdfast'), args, { cwd: folder, env });

test('its types hold in a strict project, also inside its own declarations', async () => {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = ['--typeRoots', join(root, 'node_modules', '@types')];
  const checked = await run(process.execPath, [tsc, '-p', '.', ...types], { cwd: folder, env }).catch(
    // With errors to report, the compiler ends with code 2: its words are what we want either way.
    (error: unknown) => error as { stdout: string },
  );
  const problems = checked.stdout.split('\n').filter((line) => /^\S.*error TS/.test(line));
  // Temporal's own declarations import `ms` without its types; nothing else may be wrong anywhere.
  expect(problems.filter((line) => !line.startsWith('node_modules/@temporalio/'))).toEqual([]);
});

test('the command line is there and knows its version and the way it is called', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  expect((await holdfast('--version')).stdout.trim()).toBe(version);
  expect((await holdfast('help', 'send')).stdout).toContain('npx holdfast send');
});

test('a worker runs agents of a TypeScript file, a program of the project sends it a turn, doctor is content', async () => {
  const worker = spawn(join(folder, 'node_modules', '.bin', 'holdfast'), ['worker', '--json'], { cwd: folder, env });
  let output = '';
  const ready = Promise.withResolvers<null>();
  const listen = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    if (output.includes('"command":"worker","ok":true')) ready.resolve(null);
  };
  worker.stdout.on('data', listen);
  worker.stderr.on('data', listen);
  const ended = new Promise<number | null>((resolve) => worker.once('exit', resolve));
  try {
    const code = await Promise.race([ready.promise, ended]);
    if (code !== null) throw new Error(`The worker ended with ${code}:\n${output}`);
    const sent = await run(process.execPath, ['send.ts'], { cwd: folder, env });
    expect(JSON.parse(sent.stdout)).toMatchObject({
      status: 'completed',
      reply: expect.stringContaining('sunny') as string,
    });
    const { stdout } = await holdfast('doctor', '--json');
    const findings = (JSON.parse(stdout) as { data: { check: string; status: string }[] }).data;
    expect(findings.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(findings).toContainEqual(expect.objectContaining({ check: 'config file', status: 'ok' }));
  } finally {
    worker.kill('SIGTERM');
    await ended;
  }
  expect(worker.exitCode).toBe(0);
});
