import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EventStore, RebuildReport } from '../../../eventstore/index.ts';
import { createEventStore, createTenant, migrate, SchemaDriftError } from '../../../eventstore/index.ts';
import { until } from '../../support/until.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import type { NumberSet } from './rebuild-shapes.ts';
import { expectedRows, leftovers, numberRows, numberSchema, setNumbers } from './rebuild-shapes.ts';

const script = join(import.meta.dirname, '..', 'fixtures', 'rebuild-run.ts');

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Runs it to its end; gives its report. A process of its own again: only the same code goes on where another stopped. */
async function run(url: string): Promise<RebuildReport> {
  const child = start(url, 'rebuild');
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  expect(await ended(child)).toBe(0);
  return JSON.parse(output) as RebuildReport;
}

/** How a process ended. */
async function ended(child: ChildProcess): Promise<unknown> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

async function filled(): Promise<{ database: FreshDatabase; store: EventStore<NumberSet> }> {
  const database = await freshDatabase();
  await migrate({ schema: numberSchema(), adminUrl: database.url });
  const store = createEventStore({ pool: database.pool, schema: numberSchema() });
  for (const tenant of ['one', 'two']) {
    await createTenant(database.url, tenant);
    for (let n = 0; n < 4_500; n += 1_500) await store.append(tenant, setNumbers(`fill/${n}`, n, 1_500));
  }
  return { database, store };
}

/** The server ends the session of a killed process when it notices; its lock goes with it. */
async function sessionsGone({ admin }: FreshDatabase): Promise<void> {
  await until('the sessions of the killed process end', async () => {
    const { rowCount } = await admin.query(
      `select from pg_stat_activity where datname = current_database() and application_name in ('holdfast rebuild', 'holdfast migrate')`,
    );
    return rowCount === 0 ? true : undefined;
  });
}

describe('a rebuild that is killed', () => {
  test('at any step harms nothing, and the next run ends it', { timeout: 180_000 }, async () => {
    const { database, store } = await filled();
    await using _ = database;
    const { url, admin } = database;
    let n = 0;
    for (const [step, nth, resumed] of [
      ['prepared', '1', true],
      ['folding', '1', true],
      ['folding', '4', true],
      ['indexing', '1', true],
      ['comparing', '1', true],
      ['handing over', '1', true],
      ['handed over', '1', false],
      ['tidying', '1', false],
    ] as const) {
      // A row that only a hand-over mends tells whether there was one.
      await admin.query('update latest set n = -1 where from_pos = 10');
      expect(await ended(start(url, 'rebuild', step, nth)), step).toBe('SIGKILL');
      await sessionsGone(database);
      await store.append('one', setNumbers(`after/${step}/${nth}`, n++));
      const handedOver = !(await numberRows(database)).some((row) => row.includes('-1'));
      expect(handedOver, step).toBe(!resumed);
      const report = await run(url);
      expect(report.resumed, step).toBe(resumed);
      expect(await numberRows(database), step).toEqual(await expectedRows(database));
      expect(await leftovers(database), step).toEqual([]);
    }
  });

  test('while it waits inside the hand-over takes nothing with it', async () => {
    const { database, store } = await filled();
    await using _ = database;
    const { url, admin } = database;
    const before = await numberRows(database);
    const holder = await admin.connect();
    await holder.query('begin; select 1 from holdfast.log_head for update');
    const child = start(url, 'rebuild');
    await until(
      'it waits for the heads',
      async () => {
        const { rowCount } = await admin.query(
          `select from pg_stat_activity where application_name = 'holdfast rebuild' and wait_event_type = 'Lock' and query like '%log_head%'`,
        );
        return rowCount === 1 ? true : undefined;
      },
      { everyMs: 2 },
    );
    child.kill('SIGKILL');
    expect(await ended(child)).toBe('SIGKILL');
    await holder.query('rollback');
    holder.release();
    await sessionsGone(database);
    expect(await numberRows(database)).toEqual(before);
    await store.append('two', setNumbers('after', 1));
    expect(await run(url)).toMatchObject({ resumed: true, events: 1 });
    expect(await numberRows(database)).toEqual(await expectedRows(database));
  });
});

describe('a migration to other definitions that is killed', () => {
  test(
    'leaves a database for the old code or for the new code, and the next run ends it',
    { timeout: 120_000 },
    async () => {
      for (const [step, isNew] of [
        ['building', false],
        ['folded', false],
        ['handing', false],
        ['handed', true],
      ] as const) {
        const { database, store } = await filled();
        await using _ = database;
        const { url, pool } = database;
        const newer = numberSchema({ version: 2, doubled: true });
        const after = createEventStore({ pool, schema: newer });
        expect(await ended(start(url, 'migrate', step)), step).toBe('SIGKILL');
        await sessionsGone(database);
        const [fits, fitsNot] = isNew ? [after, store] : [store, after];
        await fits.append('one', setNumbers('fits', 1));
        await expect(fitsNot.append('one', setNumbers('fits not', 1)), step).rejects.toThrow(SchemaDriftError);
        expect(await numberRows(database), step).toEqual(await expectedRows(database));
        expect((await migrate({ adminUrl: url, schema: newer })).views, step).toEqual(
          isNew ? [] : ['latest', 'first_seen'],
        );
        await after.append('one', setNumbers('after', 1));
        expect(await numberRows(database), step).toEqual(await expectedRows(database));
        expect(await leftovers(database), step).toEqual([]);
      }
    },
  );
});
