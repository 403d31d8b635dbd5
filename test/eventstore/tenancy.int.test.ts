import { beforeAll, describe, expect, test } from 'vitest';
import type { EventStore } from '../../eventstore/index.ts';
import { applicationRole, withTenant } from '../../eventstore/index.ts';
import { putVectors } from '../../projections/search/queries.ts';
import { textHash } from '../../projections/search/projection.ts';
import { history } from '../projections/history.ts';
import { withDatabase } from '../support/with-database.ts';
import type { Noted } from './shapes.ts';
import { note } from './shapes.ts';
import { fillEmptyTables } from './tenant-contents.ts';

const database = withDatabase();
/** The functions of the schema that the application role may call. Each one more is a decision about safety. */
const callable = [
  'append_commands(integer,text,bigint,text[],text[],text[],integer[],text[],text[],text[],integer[],integer[],boolean[],integer[],integer[],bigint[],integer[],integer[],integer[],text[],integer[],text[],text[],integer[],text[],integer[],integer[],bigint[],text[],jsonb)',
  'claim_consumer(text,text,integer,integer,boolean)',
  'create_subject_keys(integer,text[],bytea[],text)',
  'current_tenant()',
  'find_subject_keys(integer,text[])',
  'find_tenant(text)',
  'hold_consumer(integer,text,bigint,bigint)',
  'move_consumer(integer,text,bigint,bigint,bigint,bigint,integer)',
  'park_event(integer,text,bigint,bigint,bigint,integer,text,boolean)',
  'put_embeddings(integer,text,text[],text[],bytea[],text[],bigint)',
  'put_text_chunk(integer,text,integer,integer,integer,text,text[],bigint)',
  'read_subject_keys(text[],integer[])',
  'release_consumer(integer,text,bigint,bigint,text,integer,bigint)',
  'renew_consumer(integer,text,bigint,integer)',
  'save_snapshot(integer,text,text,bigint,bigint,text,bigint)',
  'subjects_forgotten_at(text[])',
  'trim_text_chunks(integer,text)',
];
/** Tables without a tenant column: nothing of a tenant stands in them. */
const global = ['consumer', 'kysely_migration', 'kysely_migration_lock', 'rebuild_target', 'tenant', 'view_definition'];

interface Table {
  readonly name: string;
  readonly hasTenant: boolean;
  readonly secured: boolean;
  readonly readable: boolean;
}

async function tables(): Promise<Table[]> {
  const { rows } = await database.admin.query<Table>(
    `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as secured,
            exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped) as "hasTenant",
            has_table_privilege($1, c.oid, 'select') as readable
     from pg_class c where c.relnamespace = 'holdfast'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') order by 1`,
    [applicationRole],
  );
  return rows;
}

/** Tenants of the rows that a session sees after the statements. */
async function seen(table: string, ...statements: readonly string[]): Promise<number[]> {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    for (const statement of statements) await client.query(statement);
    const { rows } = await client.query<{ tenant: number }>(`select tenant from holdfast."${table}"`);
    return rows.map(({ tenant }) => tenant);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

const numbers = { acme: 0, default: 0 };

beforeAll(async () => {
  for (const tenant of ['default', 'acme'] as const) {
    numbers[tenant] = await database.store.tenantNumber(tenant);
    for (const command of history({ seed: 3, turns: 12, mark: tenant })) await database.store.append(tenant, command);
    await putVectors(
      database.pool,
      numbers[tenant],
      'test',
      [{ textHash: textHash(tenant), vector: new Float32Array([1]) }],
      { subjects: [], readAt: 0 },
    );
    await fillEmptyTables(database.admin, numbers[tenant]);
  }
});

describe('every table of the schema', () => {
  test('either has no tenant column and is on the list, or forces row-level security', async () => {
    const all = await tables();
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter(({ hasTenant }) => !hasTenant).map(({ name }) => name)).toEqual(global);
    expect(all.filter(({ hasTenant, secured }) => hasTenant && !secured)).toEqual([]);
    expect(all.filter(({ hasTenant, readable }) => hasTenant && !readable).map(({ name }) => name)).toEqual([
      'consumer_position',
      'parked_event',
      'subject_key',
      'view_rebuild',
    ]);
    expect(all.filter(({ hasTenant, readable }) => !hasTenant && readable).map(({ name }) => name)).toEqual([
      'kysely_migration',
      'view_definition',
    ]);
  });

  test('has exactly one policy, for all commands and roles, that compares the tenant', async () => {
    const { rows } = await database.admin.query(
      `select count(*)::int as n, count(distinct tablename)::int as tables, count(distinct qual)::int as quals,
              bool_and(qual = with_check and cmd = 'ALL' and permissive = 'PERMISSIVE') as alike
       from pg_policies where schemaname = 'holdfast' and policyname = 'own_tenant' and roles = '{public}'`,
    );
    const secured = (await tables()).filter(({ hasTenant }) => hasTenant).length;
    expect(rows).toEqual([{ n: secured, tables: secured, quals: 1, alike: true }]);
  });

  test('has no other policy, but where the owner role has to find the logs with something to do', async () => {
    const { rows } = await database.admin.query(
      `select tablename || ': ' || policyname || ' for ' || cmd || ' to ' || roles::text as policy
       from pg_policies where schemaname = 'holdfast' and policyname <> 'own_tenant' order by 1`,
    );
    // Positions of logs, rebuilds and consumers; no word of a tenant but what an error quotes.
    expect(rows.map(({ policy }: { policy: string }) => policy)).toEqual([
      'consumer_position: every_tenant for ALL to {holdfast_owner}',
      'log_head: every_tenant for SELECT to {holdfast_owner}',
      'parked_event: every_tenant for ALL to {holdfast_owner}',
      'view_rebuild: every_tenant for ALL to {holdfast_owner}',
    ]);
  });

  test('shows the application role its own tenant and nothing else', async () => {
    for (const { name } of (await tables()).filter(({ hasTenant, readable }) => hasTenant && readable)) {
      const { rows } = await database.admin.query<{ tenant: number }>(`select tenant from "${name}"`);
      const own = rows.filter(({ tenant }) => tenant === numbers.acme);
      // A table without rows of both tenants would prove nothing.
      expect(own.length, `rows of acme in ${name}`).toBeGreaterThan(0);
      expect(rows.length, `rows of default in ${name}`).toBeGreaterThan(own.length);
      expect(await seen(name), `${name} without a tenant`).toEqual([]);
      expect(await seen(name, `set local holdfast.every_tenant = 'on'`), `${name} as if the owner`).toEqual([]);
      expect(await seen(name, `set local holdfast.tenant = ''`), `${name} with an empty tenant`).toEqual([]);
      expect(await seen(name, `set local holdfast.tenant = '-1'`), `${name} with another tenant`).toEqual([]);
      const acme = await seen(name, `set local holdfast.tenant = '${numbers.acme}'`);
      expect(acme, `${name} as acme`).toHaveLength(own.length);
      expect(new Set(acme), `${name} as acme`).toEqual(new Set([numbers.acme]));
    }
  });

  test('fails closed on a tenant that is no number, and on one that is none any more', async () => {
    for (const { name } of (await tables()).filter(({ hasTenant, readable }) => hasTenant && readable)) {
      for (const value of ['acme', '1 or true', '1,2', '%', '1e0', '99999999999', '١']) {
        await expect(seen(name, `set local holdfast.tenant = '${value}'`), `${name} as ${value}`).rejects.toThrow(
          /invalid input syntax|out of range/,
        );
      }
      const acme = `set local holdfast.tenant = '${numbers.acme}'`;
      for (const after of ['reset holdfast.tenant', 'set local holdfast.tenant = default']) {
        expect(await seen(name, acme, after), `${name} after ${after}`).toEqual([]);
      }
    }
  });

  test('keeps tenants apart in every unique key and reference, so that a violation tells of nobody else', async () => {
    const { rows: keys } = await database.admin.query<{ key: string; first: string }>(
      `select x.indexrelid::regclass::text as key, a.attname as first
       from pg_index x join pg_class c on c.oid = x.indrelid
       join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0]
       where c.relnamespace = 'holdfast'::regnamespace and (x.indisunique or x.indisexclusion)
         and exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant' and not t.attisdropped)`,
    );
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter(({ first }) => first !== 'tenant')).toEqual([]);
    const { rows: references } = await database.admin.query<{ columns: string }>(
      `select conrelid::regclass || ' ' || pg_get_constraintdef(oid) as columns from pg_constraint
       where contype = 'f' and connamespace = 'holdfast'::regnamespace`,
    );
    expect(references.map(({ columns }) => columns)).toEqual(['log_head FOREIGN KEY (tenant) REFERENCES tenant(no)']);
  });

  test('gives the application role no right to write, on the table or any column', async () => {
    const { rows } = await database.admin.query(
      `select c.relname, p.privilege from pg_class c,
         unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain']) as p (privilege)
       where c.relnamespace = 'holdfast'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
         and (has_table_privilege($1, c.oid, p.privilege)
           or (p.privilege in ('insert', 'update', 'references') and has_any_column_privilege($1, c.oid, p.privilege)))`,
      [applicationRole],
    );
    expect(rows).toEqual([]);
    const { rows: sequences } = await database.admin.query(
      `select relname from pg_class where relnamespace = 'holdfast'::regnamespace and relkind = 'S'
         and (has_sequence_privilege($1, oid, 'usage') or has_sequence_privilege($1, oid, 'update'))`,
      [applicationRole],
    );
    expect(sequences).toEqual([]);
    for (const statement of [
      `insert into holdfast.log_head (tenant) values (99)`,
      `update holdfast.event set data = '{}'`,
      `delete from holdfast.command`,
      `truncate holdfast.fact`,
      `create table holdfast.mine (n int)`,
      `alter table holdfast.event disable row level security`,
      `drop policy own_tenant on holdfast.event`,
    ]) {
      await expect(database.pool.query(statement), statement).rejects.toThrow(/permission denied|must be owner/);
    }
  });
});

describe('functions', () => {
  test('the application role may call are exactly the listed ones', async () => {
    const { rows } = await database.admin.query<{ name: string }>(
      `select p.oid::regprocedure::text as name from pg_proc p
       where p.pronamespace = 'holdfast'::regnamespace and has_function_privilege($1, p.oid, 'execute') order by 1`,
      [applicationRole],
    );
    expect(rows.map(({ name }) => name.replace('holdfast.', ''))).toEqual(callable);
  });

  test('that run with their owner’s rights pin their search path', async () => {
    const { rows } = await database.admin.query(
      `select proname from pg_proc where pronamespace = 'holdfast'::regnamespace and prosecdef
         and (proconfig is null or not 'search_path=pg_catalog, pg_temp' = any (proconfig))`,
    );
    expect(rows).toEqual([]);
  });

  test('of views and tenants are out of reach', async () => {
    for (const call of [`apply_views(1, '{1}', '{}')`, `create_tenant('x')`]) {
      await expect(database.pool.query(`select holdfast.${call}`), call).rejects.toThrow(/permission denied/);
    }
    await expect(database.pool.query(`call holdfast.secure_table('event')`)).rejects.toThrow(/permission denied/);
  });
});

describe('the tenant of a session', () => {
  test('ends with its transaction, so that the pool cannot carry it to the next caller', async () => {
    for (let i = 0; i < 12; i++) {
      await withTenant(database.pool, numbers.acme, (client) => client.query('select from holdfast.event'));
      await database.store.append('acme', { ...note(`leak/${i}`, 'leak'), events: [turnNote(i)] });
      expect((await database.pool.query('select from holdfast.event')).rowCount).toBe(0);
    }
  });

  test('cannot write: withTenant reads only', async () => {
    await expect(
      withTenant(database.pool, numbers.acme, (client) => client.query(`select nextval('pg_catalog.x')`)),
    ).rejects.toThrow();
    const { rows } = await withTenant(database.pool, numbers.acme, (client) =>
      client.query(
        `select current_setting('transaction_read_only') as ro, current_setting('transaction_isolation') as level`,
      ),
    );
    expect(rows).toEqual([{ ro: 'on', level: 'repeatable read' }]);
  });
});

describe('names that look alike', () => {
  test('streams and commands with wildcards and common beginnings do not leak into each other', async () => {
    // Events of no projection's interest, in a store with views.
    const store = database.store as unknown as EventStore<Noted>;
    const names = ['acme', 'acme-corp', 'acme/%', 'acme_', 'acmeX', '%', '_', 'ACME', 'acme\\'];
    for (const name of names) await store.append('acme', note(`like/${name}`, `like/${name}`));
    for (const name of names) {
      expect((await Array.fromAsync(store.readStream('acme', `like/${name}`))).map(({ data }) => data.text)).toEqual([
        `like/${name}`,
      ]);
      expect(await Array.fromAsync(store.readStream('default', `like/${name}`))).toEqual([]);
      expect((await store.readCommandEvents('acme', { ids: [`like/${name}`] })).length).toBe(1);
      expect(await store.readCommandEvents('default', { ids: [`like/${name}`], prefixes: ['like/'] })).toEqual([]);
    }
  });
});

function turnNote(i: number) {
  return {
    type: 'AgentConfigured' as const,
    stream: 'leak',
    data: { agent: `leak-${i}`, hash: 'h', model: 'm', instructions: 'i', tools: [] },
  };
}
