import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { checkLog } from './check-log.ts';
import { startPrivateServer } from './private-server.ts';
import { upTo } from './shapes.ts';
import type { Writers } from './writers.ts';
import { startWriters } from './writers.ts';

const database = withDatabase('plain');

/** Waits until the writers have this many receipts more than now. */
async function untilFurther(writers: Writers, by: number): Promise<void> {
  const wanted = writers.receipts.length + by;
  await until(`${by} receipts more`, () => writers.receipts.length >= wanted || undefined, {
    timeoutMs: 60_000,
    everyMs: 5,
  });
}

async function withAdmin<T>(url: string, use: (admin: pg.Pool) => Promise<T>): Promise<T> {
  const admin = new pg.Pool({ connectionString: url, max: 1 });
  admin.on('error', () => undefined);
  try {
    return await use(admin);
  } finally {
    await admin.end();
  }
}

const everyCommand = 3 * 3;

describe('while nine writers append', { timeout: 240_000 }, () => {
  test('backends are terminated at random: every command is stored once, and its receipt is the true one', async () => {
    const writers = startWriters(database.url, { each: 60, applicationName: 'victim' });
    let landed = 0;
    try {
      let finished = false;
      void writers.done.finally(() => (finished = true)).catch(() => undefined);
      while (!finished) {
        const { rows } = await database.admin.query<{ hit: boolean }>(
          `select pg_terminate_backend(pid) as hit from (
             select pid from pg_stat_activity
             where datname = current_database() and application_name = 'victim' and state = 'active' and query like '%append_commands%'
             order by random() limit 1) a`,
        );
        landed += rows.filter(({ hit }) => hit).length;
        // Leaves room for some appends to get through between two faults.
        const from = writers.receipts.length;
        await until('receipts', () => finished || writers.receipts.length > from + 3 || undefined, { everyMs: 2 });
      }
      await writers.done;
    } finally {
      await writers.end();
    }
    const { stored, unacknowledged } = await checkLog(database.admin, 'acme', writers);
    expect({ stored, unacknowledged }).toEqual({ stored: everyCommand * 60, unacknowledged: 0 });
    expect(landed, 'terminated in an append').toBeGreaterThan(10);
    expect(writers.broken, 'connections that broke').toBeGreaterThanOrEqual(10);
  });

  test.each([
    ['is stopped in immediate mode', 'SIGQUIT'],
    ['loses its postmaster by SIGKILL', 'SIGKILL'],
  ] as const)('the server %s: nothing acknowledged is lost, nothing is torn or doubled', async (_name, signal) => {
    await using server = await startPrivateServer();
    const writers = startWriters(server.url, { each: 120, applicationName: 'writer' });
    try {
      for (const round of upTo(3)) {
        await untilFurther(writers, 60);
        const before = writers.broken;
        await server.end(signal);
        await server.start();
        await untilFurther(writers, 1);
        expect(writers.broken - before, `connections broken in round ${round}`).toBeGreaterThan(0);
        expect(writers.receipts.length, 'faults that fell into the run').toBeLessThan(everyCommand * 120);
      }
      await writers.done;
    } finally {
      await writers.end();
    }
    await withAdmin(server.url, async (admin) => {
      const { stored } = await checkLog(admin, 'acme', writers);
      expect(stored).toBe(everyCommand * 120);
    });
    expect(
      (await server.said()).match(/database system was (interrupted|not properly shut down)/g)?.length,
    ).toBeGreaterThan(2);
  });

  test('the server ends for good: what is there is what was acknowledged, and perhaps what was under way, whole', async () => {
    await using server = await startPrivateServer();
    const writers = startWriters(server.url, { each: 10_000, applicationName: 'writer' });
    await untilFurther(writers, 100);
    await server.end('SIGKILL');
    await until('a store that gives up', () => writers.unavailable > 0 || undefined);
    await writers.end();
    await server.start();
    await withAdmin(server.url, async (admin) => {
      const { stored, unacknowledged } = await checkLog(admin, 'acme', writers);
      expect(stored).toBe(writers.receipts.length + unacknowledged);
      // Each of the nine writers had at most one command under way.
      expect(unacknowledged).toBeLessThanOrEqual(9);
      expect(writers.sent.length).toBeGreaterThan(writers.receipts.length);
    });
  });

  test('one backend is killed, and PostgreSQL restarts itself', async () => {
    await using server = await startPrivateServer();
    const writers = startWriters(server.url, { each: 80, applicationName: 'writer' });
    try {
      for (const _ of upTo(2)) {
        await untilFurther(writers, 40);
        const before = writers.broken;
        const pid = await withAdmin(server.url, async (admin) => {
          const { rows } = await admin.query<{ pid: number }>(
            `select pid from pg_stat_activity where application_name = 'writer' order by state = 'active' desc limit 1`,
          );
          return rows[0]?.pid;
        });
        if (pid === undefined) throw new Error('No backend of a writer is there.');
        process.kill(pid, 'SIGKILL');
        // An append or two may get through before the others are told that the server goes down.
        await until('a connection broke', () => writers.broken > before || undefined, {
          timeoutMs: 60_000,
          everyMs: 5,
        });
        await untilFurther(writers, 1);
      }
      await writers.done;
    } finally {
      await writers.end();
    }
    await withAdmin(server.url, async (admin) => {
      expect((await checkLog(admin, 'acme', writers)).stored).toBe(everyCommand * 80);
    });
    expect(await server.said()).toMatch(/terminated by signal 9/);
  });
});
