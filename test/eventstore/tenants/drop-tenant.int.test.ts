import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { EventStore } from '../../../eventstore/index.ts';
import {
  createEventStore,
  createTenant,
  dropTenant,
  listTenants,
  openPool,
  ownerRole,
  rebuildViews,
  TenantTakenError,
  UnknownTenantError,
  withTenant,
} from '../../../eventstore/index.ts';
import type { MemoryEvent } from '../../../memory/events.ts';
import { testSchema } from '../../support/test-schema.ts';
import { textHash } from '../../../projections/search/projection.ts';
import { putVectors } from '../../../projections/search/queries.ts';
import { history } from '../../projections/history.ts';
import { until } from '../../support/until.ts';
import { withDatabase } from '../../support/with-database.ts';
import { collect, upTo } from '../shapes.ts';
import { fillEmptyTables, tenantContents } from '../tenant-contents.ts';

const database = withDatabase();
const commands = history({ seed: 5, turns: 12, mark: 'd' });
const nobody = { subjects: [], readAt: 0 };
/** Each test has a tenant of its own to drop. */
const doomed = { id: '', no: 0, count: 0 };

function contents(tenant: number): ReturnType<typeof tenantContents> {
  return tenantContents(database.admin, tenant);
}

async function left(tenant: number): Promise<number> {
  return Object.values(await contents(tenant)).reduce((sum, { rows }) => sum + rows, 0);
}

async function stateOf(id: string): Promise<string | undefined> {
  return (await listTenants({ adminUrl: database.url })).find((tenant) => tenant.id === id)?.state;
}

async function fill(tenant: string): Promise<number> {
  for (const command of commands) await database.store.append(tenant, command);
  const no = await database.store.tenantNumber(tenant);
  await putVectors(
    database.pool,
    no,
    'm',
    upTo(20).map((n) => ({ textHash: textHash(`${n}`), vector: new Float32Array([n]) })),
    nobody,
  );
  await database.admin.query(
    `insert into subject_key (tenant, subject, no, wrapped) select $1, 'user:' || n, 1, 'x' from generate_series(1, 5) n`,
    [no],
  );
  await fillEmptyTables(database.admin, no);
  return no;
}

/** Drops up to a line of progress and gives up there, as a process does that is killed. */
async function dropUntil(line: RegExp): Promise<void> {
  const stopped = new Error('stopped');
  const onProgress = (said: string): void => {
    if (line.test(said)) throw stopped;
  };
  const dropped = dropTenant({ adminUrl: database.url, tenant: doomed.id, batchSize: 3, onProgress });
  await expect(dropped).rejects.toBe(stopped);
}

beforeEach(async () => {
  doomed.count += 1;
  doomed.id = `doomed-${doomed.count}`;
  await createTenant(database.url, doomed.id);
  doomed.no = await fill(doomed.id);
});

describe('dropTenant', () => {
  test('leaves no row of the tenant in any table, and the others’ rows as they were', async () => {
    const other = await database.store.tenantNumber('default');
    if ((await database.store.head('default')) === 0) await fill('default');
    const [before, own] = [await contents(other), await contents(doomed.no)];
    expect(Object.values(before).length).toBeGreaterThan(20);
    for (const held of [before, own]) expect(Object.values(held).filter(({ rows }) => rows === 0)).toEqual([]);
    const lines: string[] = [];
    const { rows, dryRun } = await dropTenant({
      adminUrl: database.url,
      tenant: doomed.id,
      batchSize: 7,
      onProgress: (line) => lines.push(line),
    });
    expect(dryRun).toBe(false);
    expect(await contents(other)).toEqual(before);
    expect(await left(doomed.no)).toBe(0);
    expect(await stateOf(doomed.id)).toBe('dropped');
    // Keys and head went in the first step; the report counts the rest, each row once.
    const expected = Object.entries(own).filter(
      ([name, one]) => one.rows > 0 && !/^(subject_key|log_head)$/.test(name),
    );
    expect(rows).toEqual(Object.fromEntries(expected.map(([name, one]) => [name, one.rows])));
    expect(lines[0]).toContain('closed, its keys are destroyed');
    expect(lines).toContain(`deleted ${rows['event']} rows of event`);
  });

  test('as a dry run counts the same rows and changes nothing', async () => {
    const before = await contents(doomed.no);
    const { rows, dryRun } = await dropTenant({ adminUrl: database.url, tenant: doomed.id, dryRun: true });
    expect(dryRun).toBe(true);
    expect(rows).toEqual(
      Object.fromEntries(Object.entries(before).flatMap(([name, one]) => (one.rows > 0 ? [[name, one.rows]] : []))),
    );
    expect(await contents(doomed.no)).toEqual(before);
    expect(await database.store.head(doomed.id)).toBeGreaterThan(0);
  });

  test('takes along the tables of later versions and of other rooms', async () => {
    await database.admin.query(
      `create table holdfast.later (tenant int not null, n int); alter table holdfast.later owner to ${ownerRole}`,
    );
    try {
      await database.admin.query('insert into holdfast.later select $1, n from generate_series(1, 50) n', [doomed.no]);
      const { rows } = await dropTenant({ adminUrl: database.url, tenant: doomed.id, batchSize: 20 });
      expect(rows['later']).toBe(50);
      expect((await database.admin.query('select from holdfast.later')).rowCount).toBe(0);
    } finally {
      await database.admin.query('drop table holdfast.later');
    }
  });

  test('of a tenant that nobody knows: UnknownTenantError, dry or not', async () => {
    for (const dryRun of [true, false]) {
      await expect(dropTenant({ adminUrl: database.url, tenant: 'nobody', dryRun })).rejects.toBeInstanceOf(
        UnknownTenantError,
      );
    }
  });

  test('twice: the second time nothing is left to do; its id stays taken', async () => {
    await dropTenant({ adminUrl: database.url, tenant: doomed.id });
    expect((await dropTenant({ adminUrl: database.url, tenant: doomed.id })).rows).toEqual({});
    const error: unknown = await createTenant(database.url, doomed.id).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TenantTakenError);
    expect(error).toMatchObject({
      code: 'TENANT_TAKEN',
      tenant: doomed.id,
      state: 'dropped',
      hint: expect.stringContaining('another id') as string,
    });
  });
});

describe('from the first step on', () => {
  test('every call fails with UnknownTenantError, in stores that know its number, with the rows still there', async () => {
    const pool = openPool({ url: database.url, maxConnections: 2 });
    try {
      const knowingStore = async (): Promise<EventStore<MemoryEvent>> => {
        const store = createEventStore({ pool, schema: testSchema });
        await store.tenantNumber(doomed.id);
        return store;
      };
      const store = await knowingStore();
      expect(await store.head(doomed.id)).toBeGreaterThan(20);
      const reading = store.readLog(doomed.id, { pageSize: 5 })[Symbol.asyncIterator]();
      for (const _ of upTo(5)) await reading.next();
      const [known] = commands;
      if (!known) throw new Error('The history has commands.');
      const calls: Record<string, (one: EventStore<MemoryEvent>) => Promise<unknown>> = {
        'a new command': (one) => one.append(doomed.id, { ...known, id: 'new' }),
        'a known command': (one) => one.append(doomed.id, known),
        'a stream': (one) => collect(one.readStream(doomed.id, known.streams[0]?.name ?? '')),
        'the log': (one) => collect(one.readLog(doomed.id)),
        'the next page': () => reading.next(),
        'events of commands': (one) => one.readCommandEvents(doomed.id, { ids: [known.id] }),
        'a command': (one) => one.readCommand(doomed.id, known.id),
        'the head': (one) => one.head(doomed.id),
        'the position at a time': (one) => one.positionAt(doomed.id, new Date()),
        'the number, asked anew': () => createEventStore({ pool, schema: testSchema }).tenantNumber(doomed.id),
      };
      // One store each: after the first refusal, a store forgets the number.
      const stores = await Promise.all(Object.keys(calls).map(() => knowingStore()));
      await dropUntil(/closed/);
      expect(await stateOf(doomed.id)).toBe('dropping');
      expect(await left(doomed.no)).toBeGreaterThan(100);
      for (const [name, call] of Object.entries(calls)) {
        const error: unknown = await call(stores.pop() ?? store).catch((reason: unknown) => reason);
        expect(error, name).toBeInstanceOf(UnknownTenantError);
        expect(error, name).toMatchObject({
          tenant: doomed.id,
          message: expect.stringContaining(`"${doomed.id}"`) as string,
        });
      }
      const byNumber: Record<string, () => Promise<unknown>> = {
        'a snapshot': () => withTenant(pool, doomed.no, () => Promise.resolve('read')),
        vectors: () => putVectors(pool, doomed.no, 'm', [{ textHash: 'late', vector: new Float32Array([1]) }], nobody),
      };
      for (const [name, call] of Object.entries(byNumber)) {
        await expect(call(), name).rejects.toMatchObject({ code: 'UNKNOWN_TENANT', tenant: String(doomed.no) });
      }
      // In the caller's own transaction too, where nothing is tried again.
      const client = await pool.connect();
      await client.query('begin');
      await expect(store.append(doomed.id, { ...known, id: 'tx' }, { transaction: client })).rejects.toBeInstanceOf(
        UnknownTenantError,
      );
      await client.query('rollback');
      client.release();
    } finally {
      await pool.end();
    }
  });

  test('no key of its personal fields exists any more', async () => {
    await dropUntil(/closed/);
    const { rows } = await database.admin.query('select from subject_key where tenant = $1', [doomed.no]);
    expect(rows).toEqual([]);
    await expect(
      database.pool.query(
        `select * from holdfast.create_subject_keys($1, array['user:late'], array['x'::bytea], 'k')`,
        [doomed.no],
      ),
    ).rejects.toMatchObject({ code: 'HF002' });
  });
});

describe('a drop that is killed', () => {
  test('goes on where it was, in a process that died for real', async () => {
    const other = await database.store.tenantNumber('default');
    const before = await contents(other);
    const index = join(import.meta.dirname, '..', '..', '..', 'eventstore', 'index.ts');
    const script = `
      import { dropTenant } from ${JSON.stringify(index)};
      await dropTenant({ adminUrl: process.argv[1], tenant: process.argv[2], batchSize: 2, onProgress: (line) => console.log(line) });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, database.url, doomed.id], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      // In the middle of a table: some of its rows are gone, some are there.
      if (/deleted 10 rows of event/.test(said)) child.kill('SIGKILL');
    });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    expect(await stateOf(doomed.id)).toBe('dropping');
    const events = (await contents(doomed.no))['event']?.rows ?? 0;
    expect(events).toBeGreaterThan(0);
    const { rows } = await dropTenant({ adminUrl: database.url, tenant: doomed.id });
    expect(rows['event']).toBe(events);
    expect(await left(doomed.no)).toBe(0);
    expect(await stateOf(doomed.id)).toBe('dropped');
    expect(await contents(other)).toEqual(before);
  });

  test('is finished by two at once', async () => {
    await dropUntil(/deleted \d+ rows of command/);
    await Promise.all(upTo(2).map(() => dropTenant({ adminUrl: database.url, tenant: doomed.id, batchSize: 5 })));
    expect(await left(doomed.no)).toBe(0);
    expect(await stateOf(doomed.id)).toBe('dropped');
  });
});

describe('who is in the middle of something', () => {
  test('appends end wholly, and are deleted, or are refused; nothing comes after', async () => {
    const pools = upTo(3).map(() => openPool({ url: database.url, maxConnections: 2 }));
    const outcomes = { stored: 0, refused: 0 };
    const writers = pools.map(async (pool, client) => {
      const store: EventStore<MemoryEvent> = createEventStore({ pool, schema: testSchema });
      for (let n = 0; ; n++) {
        const command = history({ seed: n, turns: 1, mark: `${client}.${n}` })[0];
        if (!command) throw new Error('The history has commands.');
        try {
          await store.append(doomed.id, command);
          outcomes.stored += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(UnknownTenantError);
          outcomes.refused += 1;
          return;
        }
      }
    });
    await until('appends of all', () => outcomes.stored > 20 || undefined);
    await dropTenant({ adminUrl: database.url, tenant: doomed.id });
    await Promise.all(writers);
    await Promise.all(pools.map((pool) => pool.end()));
    expect(outcomes.refused).toBe(3);
    expect(await left(doomed.no)).toBe(0);
  });

  test.each([
    [
      'an append in a caller’s transaction',
      `select from holdfast.log_head where tenant = $1 for update`,
      `insert into holdfast.event select tenant, 99999, stream, 99999, type, schema_version, subjects, recorded_at, data
       from holdfast.event where tenant = $1 and position = 1`,
    ],
    [
      'a function that holds the tenant',
      `select holdfast.hold_tenant($1)`,
      `insert into holdfast.embedding values ($1, 'late', 'late', '1', '', '{}')`,
    ],
  ])('%s is waited for, and what it leaves is deleted', async (_name, hold, write) => {
    const owner = openPool({ url: database.url, role: ownerRole, maxConnections: 1 });
    const client = await owner.connect();
    try {
      await client.query('begin');
      await client.query(`select set_config('holdfast.tenant', $1::text, true)`, [String(doomed.no)]);
      await client.query(hold, [doomed.no]);
      const dropped = dropTenant({ adminUrl: database.url, tenant: doomed.id });
      await until('the drop to wait', async () => {
        const { rowCount } = await database.admin.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%begin_drop_tenant%'`,
        );
        return rowCount === 1 || undefined;
      });
      expect(await stateOf(doomed.id)).toBe('active');
      await client.query(write, [doomed.no]);
      await client.query('commit');
      await dropped;
    } finally {
      client.release();
      await owner.end();
    }
    expect(await left(doomed.no)).toBe(0);
    expect(await stateOf(doomed.id)).toBe('dropped');
  });

  test('a rebuild of all views takes nothing of the tenant along', { timeout: 120_000 }, async () => {
    let folding = false;
    const rebuilt = rebuildViews({
      adminUrl: database.url,
      schema: testSchema,
      onProgress: ({ step }) => (folding ||= step !== 'prepared'),
    });
    await until('the rebuild to fold', () => folding || undefined, { everyMs: 1 });
    const dropped = dropTenant({ adminUrl: database.url, tenant: doomed.id, batchSize: 10 });
    await Promise.all([rebuilt, dropped]);
    expect(await left(doomed.no)).toBe(0);
    expect(await stateOf(doomed.id)).toBe('dropped');
  });

  test('rows that come in behind its back are deleted before it says that it is done', async () => {
    // Each turn that is deleted writes a row into a table that has been emptied before.
    await database.admin.query(`
      create table holdfast.noisy (tenant int not null);
      alter table holdfast.noisy owner to ${ownerRole};
      create function holdfast.make_noise() returns trigger language plpgsql as
        $$ begin insert into holdfast.noisy values (old.tenant); return old; end $$;
      create trigger noise after delete on holdfast.turn for each row execute function holdfast.make_noise()`);
    try {
      const { rows } = await dropTenant({ adminUrl: database.url, tenant: doomed.id });
      expect(rows['noisy']).toBe(rows['turn']);
      expect(rows['noisy']).toBeGreaterThan(0);
      expect(await left(doomed.no)).toBe(0);
    } finally {
      await database.admin.query('drop table holdfast.noisy; drop function holdfast.make_noise cascade');
    }
  });
});
