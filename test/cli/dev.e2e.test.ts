import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readProcessStart } from '../../stack/process-identity.ts';
import { makeStackFolder, removeStackFolder } from '../../stack/private-folder.ts';

const root = join(import.meta.dirname, '..', '..');
let dir: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  dir = await makeStackFolder();
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  // What a failed test left behind goes with its record; after a good one there is nothing.
  for (const { pid } of await services()) if (pid !== null && (await isAlive(pid))) process.kill(pid, 'SIGKILL');
  await removeStackFolder(dir);
});

interface Service {
  readonly name: string;
  readonly pid: number | null;
}

async function services(): Promise<readonly Service[]> {
  const text = await readFile(join(dir, 'stack.json'), 'utf8').catch(() => '{"services":[]}');
  return (JSON.parse(text) as { services: Service[] }).services;
}

/** False for zombies too: nobody may have waited for what a killed parent left. */
async function isAlive(pid: number): Promise<boolean> {
  return (await readProcessStart(pid)) !== undefined;
}

/** The CLI on the test's own folder, with none of the servers of the test run. */
function holdfast(...args: string[]): { child: ChildProcess; output: () => string; exited: Promise<number | null> } {
  const { DATABASE_URL: _a, TEMPORAL_ADDRESS: _b, ...env } = process.env;
  const child = spawn(process.execPath, [join(root, 'cli', 'main.ts'), ...args], {
    cwd: root,
    env: { ...env, HOLDFAST_DIR: dir, HOLDFAST_USER: 'ana' },
  });
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, output: () => text, exited: new Promise((resolve) => child.once('exit', (code) => resolve(code))) };
}

async function until<T>(what: string, look: () => T | Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const workerPid = async (): Promise<number | null> =>
  (await services()).find(({ name }) => name === 'worker')?.pid ?? null;

test(
  'dev stays up through a dead worker, is attached to, recovered after SIGKILL, and leaves nothing',
  { timeout: 180_000 },
  async () => {
    const first = holdfast('dev');
    const worker = await until('the first worker', async () =>
      first.output().includes('worker ') ? workerPid() : null,
    );
    const sent = holdfast('send', 't', 'My name is Ana.');
    expect(await sent.exited, sent.output()).toBe(0);

    const second = holdfast('dev');
    expect(await second.exited, second.output()).toBe(0);
    expect(second.output()).toContain(`process ${first.child.pid}`);

    process.kill(worker, 'SIGKILL');
    const replaced = await until('another worker', async () => ((await workerPid()) !== worker ? workerPid() : null));
    expect(await isAlive(replaced)).toBe(true);

    first.child.kill('SIGKILL');
    await first.exited;
    const orphans = (await services()).flatMap(({ pid }) => (pid === null ? [] : [pid]));
    expect((await Promise.all(orphans.map(isAlive))).some(Boolean)).toBe(true);

    const third = holdfast('dev');
    await until('the recovered stack', () => third.output().includes('worker '));
    expect(third.output()).toMatch(/left behind|still running|took over|attach/i);
    const threads = holdfast('threads', '--json');
    expect(await threads.exited, threads.output()).toBe(0);
    expect(threads.output()).toContain('"t"');

    const running = (await services()).flatMap(({ pid }) => (pid === null ? [] : [pid]));
    third.child.kill('SIGINT');
    await third.exited;
    expect(third.output()).toContain('nothing is left running');
    for (const pid of [...running, ...orphans])
      expect({ pid, alive: await isAlive(pid) }).toEqual({ pid, alive: false });
  },
);
