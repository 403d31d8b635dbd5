import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startChild } from '../../stack/child-process.ts';
import type { Child, ChildExit, StartChildOptions } from '../../stack/child-process.ts';
import { readProcessStart } from '../../stack/process-identity.ts';
import { ChildStartFailedError } from '../../stack/stack-errors.ts';
import { makeFolder, until } from './fixtures/workshop.ts';

async function shell(script: string, options: Partial<StartChildOptions> = {}): Promise<Child> {
  const logFile = options.logFile ?? join(await makeFolder(), 'logs', 'child.log');
  const child = await startChild({
    name: 'child',
    command: 'sh',
    args: ['-c', script],
    ready: /^ready$/,
    logFile,
    ...options,
  });
  onTestFinished(async () => {
    child.kill();
    await child.exited;
  });
  return child;
}

test('is ready when a line matches, and writes stdout and stderr to the log', async () => {
  const logFile = join(await makeFolder(), 'child.log');
  const child = await shell('echo before; echo oops >&2; echo ready; exec sleep 600', { logFile });
  expect(await readFile(logFile, 'utf8')).toBe('before\noops\nready\n');
  expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' });
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
  expect(await readProcessStart(child.pid)).toBeUndefined();
});

test('a line of an earlier run does not count', async () => {
  const logFile = join(await makeFolder(), 'child.log');
  await writeFile(logFile, 'ready\n');
  await expect(shell('exec sleep 600', { logFile, readyTimeoutMs: 200 })).rejects.toThrow('not ready after 200 ms');
});

test('a log that has grown too long is set aside', async () => {
  const logFile = join(await makeFolder(), 'child.log');
  await writeFile(logFile, Buffer.alloc(10_000_001, '.'));
  await shell('echo ready; exec sleep 600', { logFile });
  expect(await readFile(logFile, 'utf8')).toBe('ready\n');
  expect((await stat(`${logFile}.1`)).size).toBe(10_000_001);
});

test('is ready when the function says so; its signal fires when waiting is over', async () => {
  let asked: AbortSignal | undefined;
  const ready = async (signal: AbortSignal): Promise<void> => {
    asked = signal;
    return Promise.resolve();
  };
  await shell('exec sleep 600', { ready });
  expect(asked?.aborted).toBe(true);
});

test('a check that fails ends the child', async () => {
  const failure = await shell('echo $$; exec sleep 600', { ready: () => Promise.reject(new Error('no answer')) }).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ChildStartFailedError);
  expect((failure as Error).cause).toEqual(new Error('no answer'));
});

test('an early end is told with code and the end of the log', async () => {
  const start = shell('echo "cannot find the key"; exit 3');
  await expect(start).rejects.toThrow(/ended before it was ready \(exit code 3\).*cannot find the key/s);
});

test('a command that is not there is told', async () => {
  await expect(shell('', { command: '/no/such/program' })).rejects.toThrow('Could not run child: /no/such/program');
});

test('gets its own environment and folder if given, ours if not', async () => {
  const folder = await makeFolder();
  const logFile = join(folder, 'child.log');
  const script = 'echo "$ONLY ${HOME-none} $(pwd)"; echo ready; sleep 600';
  await shell(script, { logFile, cwd: folder, env: { ONLY: 'this', PATH: process.env['PATH'] } });
  expect(await readFile(logFile, 'utf8')).toBe(`this none ${folder}\nready\n`);
  const inherits = join(folder, 'inherits.log');
  await shell('echo "${PATH:+set}"; echo ready; sleep 600', { logFile: inherits });
  expect(await readFile(inherits, 'utf8')).toBe('set\nready\n');
});

test('one that ignores SIGTERM is killed after the grace time', async () => {
  const child = await shell('trap "" TERM; echo ready; while :; do sleep 0.05; done');
  expect(await child.stop({ graceMs: 100 })).toEqual({ code: null, signal: 'SIGKILL' });
  expect(await child.stop()).toEqual({ code: null, signal: 'SIGKILL' });
});

test('what it started goes with it, and onExit is told once', async () => {
  const logFile = join(await makeFolder(), 'child.log');
  const exits: ChildExit[] = [];
  const child = await shell('sleep 600 & echo $!; echo ready; wait', { logFile, onExit: (exit) => exits.push(exit) });
  const grandchild = Number((await readFile(logFile, 'utf8')).split('\n')[0]);
  child.kill();
  await child.exited;
  await until('the grandchild is gone', async () => (await readProcessStart(grandchild)) === undefined);
  expect(exits).toEqual([{ code: null, signal: 'SIGKILL' }]);
});

test('a crash after the start is reported with its code', async () => {
  const exits: ChildExit[] = [];
  const folder = await makeFolder();
  const child = await shell(`echo ready; until [ -e ${folder}/go ]; do sleep 0.02; done; exit 7`, {
    onExit: (exit) => exits.push(exit),
  });
  expect(exits).toEqual([]);
  await writeFile(join(folder, 'go'), '');
  expect(await child.exited).toEqual({ code: 7, signal: null });
  await until('onExit was called', () => exits.length === 1);
});

test('it is in a process group of its own', async () => {
  const child = await shell('echo ready; exec sleep 600');
  expect(process.kill(-child.pid, 0)).toBe(true);
});
