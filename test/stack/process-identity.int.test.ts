import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { endProcess, isSameProcess, readProcessCommand, readProcessStart } from '../../stack/process-identity.ts';
import { ProcessStuckError } from '../../stack/stack-errors.ts';
import { idleProcess, until } from './fixtures/workshop.ts';

const neverPid = 2_147_483_647;

test('a process is known by its start and command, one that is gone by neither', async () => {
  const { pid } = idleProcess();
  const start = await readProcessStart(pid);
  expect(start).toEqual(expect.any(String));
  expect(await readProcessStart(pid)).toBe(start);
  await until('the command is there', async () => (await readProcessCommand(pid)) === 'sleep 600');
  expect(await readProcessStart(neverPid)).toBeUndefined();
  expect(await readProcessCommand(neverPid)).toBe('');
});

test('a zombie counts as gone', async () => {
  // A shell that becomes `sleep` never collects the child it had started before.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const zombie = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))),
  );
  await until('the child has ended', async () => (await readProcessStart(zombie)) === undefined);
  expect(process.kill(zombie, 0)).toBe(true);
  parent.kill('SIGKILL');
});

test('ends the recorded process and waits for it', async () => {
  const { pid } = idleProcess();
  const start = (await readProcessStart(pid)) ?? '';
  await endProcess({ name: 'sleep', pid, start, signals: [['SIGTERM', 5_000]] });
  expect(await isSameProcess(pid, start)).toBe(false);
});

test('leaves another process with the same number alone', async () => {
  const { pid } = idleProcess();
  await endProcess({ name: 'sleep', pid, start: 'before', signals: [['SIGKILL', 1_000]] });
  expect(await readProcessStart(pid)).toBeDefined();
});

test('goes on to the next signal, and says so when none is left', async () => {
  const deaf = spawn('sh', ['-c', 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => deaf.stdout.once('data', resolve));
  const pid = deaf.pid ?? neverPid;
  const start = (await readProcessStart(pid)) ?? '';
  const stuck = endProcess({ name: 'deaf', pid, start, signals: [['SIGTERM', 100]] });
  await expect(stuck).rejects.toThrow(ProcessStuckError);
  await endProcess({
    name: 'deaf',
    pid,
    start,
    signals: [
      ['SIGTERM', 100],
      ['SIGKILL', 5_000],
    ],
  });
  expect(await isSameProcess(pid, start)).toBe(false);
});

test('ends a suspended process too', async () => {
  const { pid } = idleProcess();
  const start = (await readProcessStart(pid)) ?? '';
  process.kill(pid, 'SIGSTOP');
  await endProcess({ name: 'sleep', pid, start, signals: [['SIGTERM', 5_000]] });
  expect(await isSameProcess(pid, start)).toBe(false);
});
