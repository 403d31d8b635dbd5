import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  claimFolder,
  describeService,
  endLeftovers,
  readOwner,
  recordServices,
  releaseFolder,
} from '../../stack/own-folder.ts';
import { readProcessStart } from '../../stack/process-identity.ts';
import { StackOwnedError } from '../../stack/stack-errors.ts';
import { idleProcess, makeFolder, runFixture } from './fixtures/workshop.ts';

interface Said {
  readonly won: boolean;
  readonly leftovers?: number;
  readonly pids?: number[];
  readonly ownerPid?: number;
  readonly urls?: string[];
}

test('claim, record, release', async () => {
  const dir = join(await makeFolder(), '.holdfast');
  expect(await readOwner(dir)).toEqual({ state: 'none' });
  expect(await claimFolder(dir)).toEqual({ leftovers: [] });
  const service = await describeService('console', idleProcess().pid, 'http://127.0.0.1:1');
  await recordServices(dir, [service]);
  const start = await readProcessStart(process.pid);
  expect(await readOwner(dir)).toEqual({
    state: 'alive',
    owner: { pid: process.pid, start, since: expect.any(String) as string, services: [service] },
  });
  await releaseFolder(dir);
  expect(await readOwner(dir)).toEqual({ state: 'none' });
  expect(await claimFolder(dir)).toEqual({ leftovers: [] });
});

test('a second claim is refused with process, time and addresses', async () => {
  const dir = await makeFolder();
  const { said, process: owner } = await runFixture<Said>('owner-run.ts', [dir, '1']);
  expect(said.won).toBe(true);
  const error = await claimFolder(dir).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StackOwnedError);
  expect(error).toMatchObject({ ownerPid: owner.pid, urls: ['http://service-0'] });
  expect(Date.parse((error as StackOwnedError).since)).toBeGreaterThan(0);
  await expect(recordServices(dir, [])).rejects.toThrow(StackOwnedError);
  await expect(releaseFolder(dir)).rejects.toThrow(StackOwnedError);
  for (const pid of said.pids ?? []) process.kill(pid, 'SIGKILL');
});

test('this process cannot claim a folder twice', async () => {
  const dir = await makeFolder();
  const claims = await Promise.allSettled([claimFolder(dir), claimFolder(dir), claimFolder(dir)]);
  expect(claims.filter((claim) => claim.status === 'fulfilled')).toHaveLength(1);
});

test('what a killed owner left is found, and ended except Postgres', async () => {
  const dir = await makeFolder();
  const owner = await runFixture<Said>('owner-run.ts', [dir, '2']);
  await owner.kill();
  expect(await readOwner(dir)).toMatchObject({ state: 'dead', owner: { pid: owner.process.pid } });
  const { leftovers } = await claimFolder(dir);
  expect(leftovers.map((service) => service.pid)).toEqual(owner.said.pids);
  expect(await readOwner(dir)).toMatchObject({ state: 'alive', owner: { services: leftovers } });

  const postgres = await describeService('postgres', idleProcess().pid, null);
  const reused = { ...(await describeService('worker', idleProcess().pid, null)), start: 'of another process' };
  const ended = await endLeftovers([...leftovers, postgres, reused]);
  expect(ended).toEqual(leftovers.toReversed());
  for (const { pid } of leftovers) expect(await readProcessStart(pid ?? 0)).toBeUndefined();
  expect(await readProcessStart(postgres.pid ?? 0)).toBeDefined();
  expect(await readProcessStart(reused.pid ?? 0)).toBeDefined();
});

test('leftovers survive an owner that dies before it ends them', async () => {
  const dir = await makeFolder();
  const first = await runFixture<Said>('owner-run.ts', [dir, '1']);
  await first.kill();
  expect((await claimFolder(dir)).leftovers).toHaveLength(1);
  // As if this process had died right after its claim: only the lock's holder changes.
  for (const name of await readdir(dir)) {
    if (name.startsWith('stack.lock.')) await writeFile(join(dir, name), '{"pid":2147483647,"start":"x","since":"x"}');
  }
  const { leftovers } = await claimFolder(dir);
  expect(await endLeftovers(leftovers)).toHaveLength(1);
});

test(
  'of simultaneous claims exactly one wins, on a fresh folder and on one of a dead owner',
  { timeout: 60_000 },
  async () => {
    for (const remains of ['none', 'dead owner']) {
      const dir = await makeFolder();
      if (remains === 'dead owner') await (await runFixture<Said>('owner-run.ts', [dir])).kill();
      const rivals = await Promise.all(Array.from({ length: 5 }, () => runFixture<Said>('owner-run.ts', [dir])));
      const winners = rivals.filter(({ said }) => said.won);
      expect(winners).toHaveLength(1);
      for (const { said } of rivals) if (!said.won) expect(said.ownerPid).toBe(winners[0]?.process.pid);
      await Promise.all(rivals.map((rival) => rival.end()));
    }
  },
);

test('a record or lock cut off by a power cut does not stand in the way', async () => {
  const dir = await makeFolder();
  await writeFile(join(dir, 'stack.json'), '{"pid": 12');
  await writeFile(join(dir, 'stack.lock.4'), '');
  expect(await readOwner(dir)).toEqual({ state: 'none' });
  expect(await claimFolder(dir)).toEqual({ leftovers: [] });
  expect((await readFile(join(dir, 'stack.json'), 'utf8')).endsWith('}\n')).toBe(true);
});

test('a part that someone else runs is recorded without a process', async () => {
  expect(await describeService('temporal', null, '10.0.0.1:7233')).toEqual({
    name: 'temporal',
    pid: null,
    start: null,
    url: '10.0.0.1:7233',
  });
});
