import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { EventStore, RebuildProgress, RebuildReport } from '../../../eventstore/index.ts';
import {
  createEventStore,
  createTenant,
  LogArchivedError,
  migrate,
  RebuildRunningError,
  rebuildViews,
  SchemaDriftError,
  StoreUnavailableError,
  UnknownViewError,
  withTenant,
} from '../../../eventstore/index.ts';
import type { EventRow } from '../../../eventstore/read/decode-events.ts';
import { until } from '../../support/until.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import type { NumberSet } from './rebuild-shapes.ts';
import { expectedRows, leftovers, numberRows, numberSchema, setNumbers } from './rebuild-shapes.ts';

const tenants = ['one', 'two', 'three'];

/** A database of numbers, with some events in each log: more than a page in the first. */
async function filled({ pages = 1 } = {}): Promise<{ database: FreshDatabase; store: EventStore<NumberSet> }> {
  const database = await freshDatabase();
  const schema = numberSchema();
  await migrate({ schema, adminUrl: database.url });
  const store = createEventStore({ pool: database.pool, schema });
  for (const [index, tenant] of tenants.entries()) {
    await createTenant(database.url, tenant);
    const events = index === 0 ? 2_000 * pages + 100 : 300;
    for (let n = 0; n < events; n += 1_000) {
      await store.append(tenant, setNumbers(`fill/${n}`, n, Math.min(1_000, events - n)));
    }
  }
  return { database, store };
}

/** Appends to every tenant until told to stop; gives the ids of commands that were acknowledged. */
function keepWriting(storeOf: () => EventStore<NumberSet>): { stop(): Promise<string[]> } {
  let stopped = false;
  const loops = tenants.map(async (tenant) => {
    const acknowledged: string[] = [];
    for (let n = 0; !stopped; n++) {
      const id = `${tenant}/${n}`;
      for (;;) {
        try {
          await storeOf().append(tenant, setNumbers(id, n, 1 + (n % 3)));
          acknowledged.push(id);
          break;
        } catch (error) {
          // What an old process is told after a hand-over; its successor sends the command again.
          if (!(error instanceof SchemaDriftError)) throw error;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    }
    return acknowledged;
  });
  return {
    stop: async () => {
      stopped = true;
      return (await Promise.all(loops)).flat();
    },
  };
}

/** Reads each tenant's view and head in one snapshot, again and again; gives every read that breaks the as-of law. */
function keepReading(
  { pool }: FreshDatabase,
  store: EventStore<NumberSet>,
): { stop(): Promise<{ reads: number; wrong: string[] }> } {
  let stopped = false;
  let reads = 0;
  const wrong: string[] = [];
  const loops = tenants.map(async (tenant) => {
    const no = await store.tenantNumber(tenant);
    while (!stopped) {
      const seen = await withTenant(pool, no, async (client) => {
        const head = await client.query<{ position: number }>(
          'select position from holdfast.log_head where tenant = $1',
          [no],
        );
        const view = await client.query<{ rows: number; newest: number; open: number }>({
          name: 'prepared_once',
          text: 'select count(*) as rows, max(from_pos) as newest, count(*) filter (where to_pos is null) as open from holdfast.latest where tenant = $1',
          values: [no],
        });
        return { head: head.rows[0]?.position, ...view.rows[0] };
      });
      reads += 1;
      if (seen.rows !== seen.head || seen.newest !== seen.head || seen.open !== 7) wrong.push(JSON.stringify(seen));
    }
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      return { reads, wrong };
    },
  };
}

async function commandsOf({ admin }: FreshDatabase): Promise<string[]> {
  const { rows } = await admin.query<{ id: string }>(`select id from command where id not like 'fill/%'`);
  return rows.map(({ id }) => id);
}

describe('a rebuild while everybody goes on', () => {
  test('loses no row, and no reader ever sees a view beside its head', async () => {
    const { database, store } = await filled();
    await using _ = database;
    const writers = keepWriting(() => store);
    const readers = keepReading(database, store);
    for (let round = 0; round < 3; round++) {
      const report = await rebuildViews({ adminUrl: database.url, schema: numberSchema() });
      expect(report.views).toMatchObject([
        { name: 'latest', equal: true, differences: [] },
        { name: 'first_seen', equal: true, differences: [] },
      ]);
      expect(report.events).toBeGreaterThan(2_600);
      expect(report.pauseMs).toBeGreaterThan(0);
    }
    const acknowledged = await writers.stop();
    const { reads, wrong } = await readers.stop();
    expect(wrong).toEqual([]);
    expect(reads).toBeGreaterThan(20);
    expect(acknowledged.length).toBeGreaterThan(20);
    expect((await commandsOf(database)).sort()).toEqual(acknowledged.sort());
    expect(await numberRows(database)).toEqual(await expectedRows(database));
    expect(await leftovers(database)).toEqual([]);
  });

  test('to another definition: old writers are refused from the hand-over on, and nothing is lost', async () => {
    const { database, store } = await filled();
    await using _ = database;
    const newer = numberSchema({ version: 2, doubled: true });
    const after = createEventStore({ pool: database.pool, schema: newer });
    // Each try is made by an old or a new process; the new ones are refused before the hand-over, the old ones after it.
    let turn = 0;
    const writers = keepWriting(() => (turn++ % 2 === 0 ? store : after));
    const readers = keepReading(database, store);
    const { views } = await migrate({ schema: newer, adminUrl: database.url });
    expect(views).toEqual(['latest', 'first_seen']);
    const acknowledged = await writers.stop();
    expect((await readers.stop()).wrong).toEqual([]);
    expect((await commandsOf(database)).sort()).toEqual(acknowledged.sort());
    expect(await numberRows(database)).toEqual(await expectedRows(database));
    const { rows } = await database.admin.query('select count(*)::int as wrong from latest where twice <> 2 * n');
    expect(rows).toEqual([{ wrong: 0 }]);
    await expect(store.append('one', setNumbers('old', 1))).rejects.toThrow(SchemaDriftError);
    await expect(after.append('one', setNumbers('new', 1))).resolves.toMatchObject({ replayed: false });
    await expect(rebuildViews({ adminUrl: database.url, schema: numberSchema() })).rejects.toThrow(SchemaDriftError);
  });

  test('leaves the tables as a fresh database has them', async () => {
    const { database } = await filled();
    await using _ = database;
    const shape = async (): Promise<unknown[]> => {
      const { rows } = await database.admin.query<Record<string, unknown>>(
        `select c.relname as name, c.relkind::text as kind, c.relacl::text as rights, c.relforcerowsecurity as forced, c.relowner::regrole::text as owner
           from pg_class c where c.relnamespace = 'holdfast'::regnamespace
         union all select tablename || '/' || policyname, cmd, qual, null, roles::text from pg_policies where schemaname = 'holdfast'
         union all select indexname, '', replace(indexdef, '__next', '?'), null, '' from pg_indexes where schemaname = 'holdfast' order by 1, 2, 3`,
      );
      return rows;
    };
    const before = await shape();
    await rebuildViews({ adminUrl: database.url, schema: numberSchema() });
    expect(await shape()).toEqual(before);
  });
});

describe('the drift detector', () => {
  test('finds rows that were changed, lost and invented behind the back of the log; a rebuild mends them', async () => {
    const { database } = await filled();
    await using _ = database;
    const { admin, url } = database;
    const schema = numberSchema();
    const no = await createTenant(url, 'two');
    await admin.query('update latest set n = -1 where tenant = $1 and from_pos = 17', [no]);
    await admin.query('delete from latest where tenant = $1 and from_pos = 18', [no]);
    await admin.query('update latest set to_pos = null where tenant = $1 and from_pos = 300', [no]);
    await admin.query(`insert into latest (tenant, from_pos, key, n) values ($1, 5, 'invented', 1)`, [no]);
    const drifted = {
      name: 'latest',
      equal: false,
      rows: 2_100 + 600,
      liveRows: 2_100 + 600,
      differences: [{ tenant: 'two', onlyLive: 2, onlyRebuilt: 2 }],
    };
    const checked = await rebuildViews({ adminUrl: url, schema, check: true });
    expect(checked).toMatchObject({
      views: [drifted, { name: 'first_seen', equal: true }],
      pauseMs: null,
      attempts: 0,
    });
    expect(await leftovers(database)).toEqual([]);
    // A check changes nothing.
    expect(await numberRows(database)).not.toEqual(await expectedRows(database));

    const mended = await rebuildViews({ adminUrl: url, schema, views: ['latest'] });
    expect(mended.views).toMatchObject([drifted]);
    expect(await numberRows(database)).toEqual(await expectedRows(database));
    expect(await rebuildViews({ adminUrl: url, schema, check: true })).toMatchObject({
      views: [{ equal: true }, { equal: true }],
    });
  });
});

describe('a rebuild is refused', () => {
  test('for a view that there is not', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: numberSchema(), adminUrl: database.url });
    const asked = rebuildViews({ adminUrl: database.url, schema: numberSchema(), views: ['latest', 'lates'] });
    await expect(asked).rejects.toThrow(UnknownViewError);
    await expect(asked).rejects.toMatchObject({ hint: 'The views are first_seen, latest.' });
  });

  test('while another one runs; a migration waits for it', async () => {
    const { database } = await filled();
    await using _ = database;
    const lines: string[] = [];
    const schema = numberSchema();
    let second: Promise<unknown> | undefined;
    let migration: Promise<unknown> | undefined;
    const first = rebuildViews({
      adminUrl: database.url,
      schema,
      onProgress: ({ step }) => {
        if (step !== 'prepared') return;
        second = rebuildViews({ adminUrl: database.url, schema }).catch((error: unknown) => error);
        migration = migrate({ schema, adminUrl: database.url, onProgress: (line) => lines.push(line) });
      },
    });
    await expect(first).resolves.toMatchObject({ attempts: 1 });
    expect(await second).toBeInstanceOf(RebuildRunningError);
    expect(await migration).toEqual({ applied: [], views: [] });
    expect(lines).toEqual(['another rebuild or migration runs; waiting for it']);
  });

  test('when a log was archived and there is no way to the archive; with one it reads both', async () => {
    const { database } = await filled();
    await using _ = database;
    const { admin, url } = database;
    const schema = numberSchema();
    const no = await createTenant(url, 'two');
    const { rows: archive } = await admin.query<EventRow>(
      `select e.position::int, s.name as stream, e.version::int, e.type, e.schema_version, e.subjects, e.recorded_at, e.data
       from event e join stream s on s.tenant = e.tenant and s.no = e.stream where e.tenant = $1 and e.position <= 120 order by 1`,
      [no],
    );
    const rows = await expectedRows(database);
    await admin.query('delete from event where tenant = $1 and position <= 120', [no]);
    await admin.query('update log_head set base = 120 where tenant = $1', [no]);

    const asked = rebuildViews({ adminUrl: url, schema });
    await expect(asked).rejects.toThrow(LogArchivedError);
    await expect(asked).rejects.toMatchObject({
      code: 'LOG_ARCHIVED',
      hint: expect.stringContaining('--segments') as string,
    });
    expect(await leftovers(database)).toEqual([]);

    const ranges: unknown[] = [];
    const report = await rebuildViews({
      adminUrl: url,
      schema,
      archived: (tenant, range) => {
        ranges.push([tenant, range]);
        return Readable.from(archive);
      },
    });
    expect(ranges).toEqual([['two', { after: 0, upTo: 120 }]]);
    expect(report.views).toMatchObject([{ equal: true }, { equal: true }]);
    expect(await numberRows(database)).toEqual(rows);
  });
});

describe('in the middle of a rebuild', () => {
  test('a lost connection is a typed error that says what to do; the next run goes on', async () => {
    const { database } = await filled({ pages: 3 });
    await using _ = database;
    const { admin, url } = database;
    let cut: Promise<unknown> | undefined;
    const asked = rebuildViews({
      adminUrl: url,
      schema: numberSchema(),
      onProgress: ({ step }) => {
        if (step === 'folding')
          cut ??= admin.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast rebuild'`,
          );
      },
    });
    await expect(asked).rejects.toThrow(StoreUnavailableError);
    await expect(asked).rejects.toMatchObject({ hint: expect.stringContaining('run it again: it goes on') as string });
    await cut;
    const report = await rebuildViews({ adminUrl: url, schema: numberSchema() });
    expect(report.resumed).toBe(true);
    expect(report.events).toBeLessThan(3 * 2_000 + 700);
    expect(await numberRows(database)).toEqual(await expectedRows(database));
    expect(await leftovers(database)).toEqual([]);
  });

  test('a subject that is forgotten makes the fold of its log begin again', async () => {
    const { database, store } = await filled();
    await using _ = database;
    const { admin, url } = database;
    const no = await createTenant(url, 'one');
    const { report, progress } = await interrupted(database, async () => {
      await admin.query(`insert into subject_key (tenant, subject, no) values ($1, 'user:ana', 1)`, [no]);
      await store.append('one', setNumbers('after', 0));
    });
    expect(progress).toContainEqual({ step: 'blocked', why: 'tail', attempt: expect.any(Number) as number });
    // Everything once, and log "one" again.
    expect(report.events).toBe(2_700 + 2_101);
    expect(await numberRows(database)).toEqual(await expectedRows(database));
  });

  test('a tenant that is dropped leaves nothing in the rebuilt views', async () => {
    const { database } = await filled();
    await using _ = database;
    const { admin, url } = database;
    const no = await createTenant(url, 'two');
    await interrupted(database, () => admin.query(`update tenant set state = 'dropping' where no = $1`, [no]));
    const { rows } = await admin.query<{ tenant: number }>('select distinct tenant from latest');
    expect(rows).toHaveLength(2);
    expect(rows).not.toContainEqual({ tenant: no });
  });
});

/**
 * Runs a rebuild that has built everything, and lets `meanwhile` happen while its hand-over waits for a reader, the last moment before it
 * holds every head.
 */
async function interrupted(
  database: FreshDatabase,
  meanwhile: () => Promise<unknown>,
): Promise<{ report: RebuildReport; progress: RebuildProgress[] }> {
  const reader = await database.admin.connect();
  await reader.query('begin; lock table holdfast.view_definition in access share mode');
  const patient = Promise.withResolvers<null>();
  const progress: RebuildProgress[] = [];
  const report = rebuildViews({
    adminUrl: database.url,
    schema: numberSchema(),
    onProgress: (step) => {
      progress.push(step);
      // By now it waits for most of a second.
      if (step.step === 'blocked' && step.attempt === 5) patient.resolve(null);
    },
  });
  await Promise.race([patient.promise, report]);
  await until(
    'it waits for the reader',
    async () => {
      const { rowCount } = await database.admin.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%view_definition%'`,
      );
      return rowCount === 0 ? undefined : true;
    },
    { everyMs: 2 },
  );
  await meanwhile();
  await reader.query('rollback');
  reader.release();
  return { report: await report, progress };
}
