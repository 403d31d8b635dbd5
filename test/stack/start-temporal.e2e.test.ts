import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../stack/free-port.ts';
import { readProcessStart } from '../../stack/process-identity.ts';
import { startTemporal } from '../../stack/start-temporal.ts';
import type { RunningTemporal, StartTemporalOptions } from '../../stack/start-temporal.ts';
import { TemporalStartFailedError } from '../../stack/stack-errors.ts';
import { makeFolder, project, run } from './fixtures/workshop.ts';

async function start(
  options: Partial<StartTemporalOptions>,
): Promise<RunningTemporal & { readonly progress: string[] }> {
  const progress: string[] = [];
  const dir = options.dir ?? (await makeFolder());
  const running = await startTemporal({ dir, headless: true, onProgress: (line) => progress.push(line), ...options });
  onTestFinished(() => running.stop());
  return { ...running, progress };
}

async function isAlive(pid: number | null): Promise<boolean> {
  return pid !== null && (await readProcessStart(pid)) !== undefined;
}

test('starts a server, takes over one left running, and stops it', { timeout: 60_000 }, async () => {
  const dir = await makeFolder();
  const port = await findFreePort();
  const first = await start({ dir, port, headless: false });
  expect(first.address).toBe(`127.0.0.1:${port}`);
  expect((await fetch(first.uiUrl ?? '')).status).toBe(200);
  expect(await isAlive(first.pid)).toBe(true);
  const second = await start({ dir });
  expect(second).toMatchObject({ address: first.address, uiUrl: first.uiUrl, pid: first.pid });
  expect(second.progress).toEqual(['already running']);
  await second.stop();
  expect(await isAlive(first.pid)).toBe(false);
  await first.stop();
});

test('uses but does not stop a server that the user started in the folder', { timeout: 60_000 }, async () => {
  const dir = await makeFolder();
  const byHand = ['start', '--headless', '--dir', join(dir, 'temporal')];
  await run('bash', [join(project, 'temporal-dev.sh'), ...byHand]);
  onTestFinished(async () => {
    await run('bash', [join(project, 'temporal-dev.sh'), 'stop', '--dir', join(dir, 'temporal')]);
  });
  const running = await start({ dir });
  await running.stop();
  expect(await isAlive(running.pid)).toBe(true);
});

test('an address of someone else is checked and left alone', { timeout: 60_000 }, async () => {
  const theirs = await start({});
  const running = await start({ address: theirs.address });
  expect(running).toMatchObject({ address: theirs.address, uiUrl: null, pid: null });
  await running.stop();
  expect(await isAlive(theirs.pid)).toBe(true);
});

test('an address where nothing answers, or something else does, is an error', { timeout: 60_000 }, async () => {
  const nobody = `127.0.0.1:${await findFreePort()}`;
  await expect(start({ address: nobody })).rejects.toThrow(`No Temporal server answers at ${nobody}.`);
  const callers: Socket[] = [];
  const mute = createServer((socket) => callers.push(socket.on('error', () => undefined)));
  onTestFinished(() => {
    mute.close();
    for (const socket of callers) socket.destroy();
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  await expect(start({ address: `127.0.0.1:${port}` })).rejects.toThrow(TemporalStartFailedError);
});

test('a failed start says what the script said', { timeout: 60_000 }, async () => {
  const failure = await start({ port: 99_999 }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TemporalStartFailedError);
  expect((failure as Error).message).toBe(
    'temporal-dev.sh start failed: --port must be a number from 1 to 65535, given: 99999',
  );
});
