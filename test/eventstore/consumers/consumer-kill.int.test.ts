import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createTenant, listConsumers, openPool } from '../../../eventstore/index.ts';
import { until } from '../../support/until.ts';
import { withDatabase } from '../../support/with-database.ts';
import { outputOf, outputTable, startConsumer, writeOutput } from './consumer-shapes.ts';
import { note, plainStore, upTo } from '../shapes.ts';
import { startProxy } from '../../../chaos/swallowing-proxy.ts';

const database = withDatabase('plain');
beforeAll(() => database.admin.query(outputTable));
afterEach(() => database.admin.query('truncate consumer_position, parked_event, consumer, output'));

async function filled(id: string, events: number): Promise<number> {
  const no = await createTenant(database.url, id);
  for (const event of upTo(events)) await plainStore(database).append(id, note(`${id}/${event}`, 's'));
  return no;
}

/** Starts a consumer process; it ends with the test. */
function start(...args: readonly (string | number)[]): { child: ChildProcess; output: () => string } {
  const script = join(import.meta.dirname, '..', 'fixtures', 'consumer-run.ts');
  const child = spawn(process.execPath, [script, database.url, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { child, output: () => text };
}

describe('a consumer that is killed', () => {
  for (const fault of ['die:handle', 'die:writes']) {
    test(`after ${fault.slice(4)}: the next one writes everything once, and outside effects may be there twice`, async () => {
      const no = await filled(`dies-${fault}`, 8);
      const dir = await mkdtemp(join(tmpdir(), 'effects-'));
      onTestFinished(() => rm(dir, { recursive: true }));
      const effects = join(dir, 'effects');
      const { child } = start('dies', 'first', 300, fault, `dies-${fault}/5`, effects);
      expect((await once(child, 'exit')) as unknown[]).toEqual([null, 'SIGKILL']);
      const before = (await outputOf(database, 'dies')).filter(({ tenant }) => tenant === no);
      expect(before.map(({ position }) => position)).toEqual([1, 2, 3]);
      start('dies', 'second', 300, '', '', effects);
      await until('it is through', async () => {
        const states = await listConsumers({ adminUrl: database.url, consumer: 'dies' });
        return states.length > 0 && states.every(({ lag }) => lag === 0) ? true : undefined;
      });
      const rows = (await outputOf(database, 'dies')).filter(({ tenant }) => tenant === no);
      expect(rows.map(({ position }) => position)).toEqual(upTo(8));
      const lines = (await readFile(effects, 'utf8')).split('\n').filter((line) => line.startsWith(`dies-${fault} `));
      // At least once: the batch of the killed process was begun again, with the same (tenant, position).
      expect(lines).toHaveLength(8 + 3);
      expect(new Set(lines).size).toBe(8);
    });
  }

  test('while its commit is under way: whatever became of it, everything is written once', async () => {
    const no = await filled('doubt', 6);
    const proxy = await startProxy(database.url);
    onTestFinished(() => proxy.close());
    const pool = openPool({ url: proxy.url, applicationName: 'consumer in doubt' });
    onTestFinished(() => pool.end());
    let armed = false;
    await using _ = startConsumer(
      { pool },
      {
        name: 'doubt',
        batchSize: 4,
        handle: (batch) =>
          Promise.resolve(async (client) => {
            await writeOutput('doubt', batch)(client);
            if (armed || batch.tenant !== 'doubt') return;
            armed = true;
            // The message that carries `commit`: it reaches the server, its answer never comes.
            void proxy
              .swallowAnswersTo('Q\0\0\0\x0bcommit\0')
              .then(() =>
                until('the server has committed', async () =>
                  (await outputOf(database, 'doubt')).some(({ tenant }) => tenant === no) ? true : undefined,
                ).then(() => proxy.cut()),
              );
          }),
      },
    );
    await until('it is through', async () => {
      const states = await listConsumers({ adminUrl: database.url, consumer: 'doubt' });
      const own = states.find(({ tenant }) => tenant === 'doubt');
      return own?.lag === 0 && own.state === 'idle' ? true : undefined;
    });
    expect(armed).toBe(true);
    const rows = (await outputOf(database, 'doubt')).filter(({ tenant }) => tenant === no);
    expect(rows.map(({ position }) => position)).toEqual(upTo(6));
  });
});

describe('a consumer that sleeps longer than its lease', () => {
  test('is taken over from, and what it commits when it wakes is refused', async () => {
    const no = await filled('sleeps', 6);
    const { child, output } = start('sleeps', 'zombie', 400, 'freeze', 'sleeps/5');
    const rows = () => outputOf(database, 'sleeps').then((all) => all.filter(({ tenant }) => tenant === no));
    await until('it has frozen with a lease', async () => {
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8').catch(() => '');
      return / T /.test(stat) ? true : undefined;
    });
    expect((await rows()).map(({ position, by }) => [position, by])).toEqual([1, 2, 3].map((n) => [n, 'zombie']));
    await using _ = startConsumer(database, {
      name: 'sleeps',
      leaseMs: 60_000,
      handle: (batch) => Promise.resolve(writeOutput('sleeps', batch, 'heir')),
    });
    await until('the heir is through', async () => ((await rows()).length === 6 ? true : undefined));
    child.kill('SIGCONT');
    await until('the zombie is refused', () => (output().includes('CONSUMER_LEASE_LOST') ? true : undefined));
    expect((await rows()).map(({ position, by }) => [position, by])).toEqual([
      ...[1, 2, 3].map((n) => [n, 'zombie']),
      ...[4, 5, 6].map((n) => [n, 'heir']),
    ]);
    // It is of use again: it takes part in what comes.
    await plainStore(database).append('sleeps', note('after', 's'));
    await until('the seventh', async () => ((await rows()).length === 7 ? true : undefined));
  });
});

test('a consumer that sleeps in the middle of a commit keeps nobody from the other logs', async () => {
  const no = await filled('other', 2);
  const held = await filled('held', 2);
  const sleeper = await database.admin.connect();
  await using _ = { [Symbol.asyncDispose]: async () => sleeper.release(Boolean(await sleeper.query('rollback'))) };
  await sleeper.query(`insert into consumer (name) values ('beside') on conflict do nothing`);
  await sleeper.query(`insert into consumer_position (tenant, name) values ($1, 'beside') on conflict do nothing`, [
    held,
  ]);
  await sleeper.query('begin');
  // As a commit does: a new version of the row, with entries of its own in the indexes.
  await sleeper.query(
    `update consumer_position set lease_until = null, served_at = clock_timestamp() where tenant = $1 and name = 'beside'`,
    [held],
  );
  await using __ = startConsumer(database, { name: 'beside' });
  await until('the other log is handled', async () => {
    const rows = (await outputOf(database, 'beside')).filter(({ tenant }) => tenant === no);
    return rows.length === 2 ? true : undefined;
  });
});

describe('two processes', () => {
  test('share many logs while these grow; each log is handled once and in order', async () => {
    const logs = await Promise.all(upTo(12).map((n) => filled(`two-${n}`, 10)));
    const one = start('two', 'one', 1_000);
    const two = start('two', 'two', 1_000);
    const written = async () => (await outputOf(database, 'two')).filter(({ tenant }) => logs.includes(tenant));
    let more = 0;
    // One process may be up long before the other.
    await until('both have their share', async () => {
      more += 1;
      await Promise.all(
        upTo(12).map((n) => plainStore(database).append(`two-${n}`, note(`two-${n}/more/${more}`, 's'))),
      );
      return new Set((await written()).map(({ by }) => by)).size === 2 ? true : undefined;
    });
    const rows = await until('all is handled', async () => {
      const found = await written();
      return found.length >= 12 * (10 + more) ? found : undefined;
    });
    for (const no of logs) {
      expect(rows.filter(({ tenant }) => tenant === no).map(({ position }) => position)).toEqual(upTo(10 + more));
    }
    for (const { child } of [one, two]) {
      child.kill('SIGTERM');
      expect((await once(child, 'exit')) as unknown[]).toEqual([0, null]);
    }
  });
});
