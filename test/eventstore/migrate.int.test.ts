import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  assertSchema,
  createEventStore,
  createTenant,
  logMigrations,
  migrate,
  openPool,
  SchemaDriftError,
} from '../../eventstore/index.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { freshDatabase } from './fresh-database.ts';
import { note } from './shapes.ts';

const none = { migrationFolders: [logMigrations], projections: [] } as const;
const folder = { path: '' };

/** Names of the migrations of some folders, in order. */
async function namesIn(folders: readonly string[]): Promise<string[]> {
  const files = await Promise.all(folders.map((one) => readdir(one)));
  return files
    .flat()
    .map((file) => file.replace(/\.sql$/, ''))
    .sort();
}
const all = namesIn(holdfastSchema.migrationFolders);

beforeAll(async () => {
  // A folder with one migration more: what a newer version would bring.
  folder.path = await mkdtemp(join(tmpdir(), 'migrations-'));
  await cp(logMigrations, folder.path, { recursive: true });
  await writeFile(join(folder.path, '0900-newer.sql'), 'create table holdfast.newer (n int)');
});
afterAll(() => rm(folder.path, { recursive: true, force: true }));

/** Which tables, functions and policies there are, and the rights on them: the shape of a schema. */
async function shape(url: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(
      `select c.relname as name, c.relkind::text as kind, c.relacl::text as rights, c.relforcerowsecurity as forced from pg_class c
         where c.relnamespace = 'holdfast'::regnamespace
       union all select p.proname, 'function', p.proacl::text, p.prosecdef from pg_proc p where p.pronamespace = 'holdfast'::regnamespace
       union all select policyname, 'policy', tablename, null from pg_policies where schemaname = 'holdfast' order by 1, 2, 3`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

describe('migrate', () => {
  test('twice: the second time there is nothing to do', async () => {
    await using database = await freshDatabase();
    const lines: string[] = [];
    const first = await migrate({
      schema: holdfastSchema,
      adminUrl: database.url,
      onProgress: (line) => lines.push(line),
    });
    expect(first.applied).toEqual(await all);
    expect(first.views).toContain('memory_document');
    expect(lines).toContain('applied migration 0001-log');
    const before = await shape(database.url);
    expect(await migrate({ schema: holdfastSchema, adminUrl: database.url })).toEqual({ applied: [], views: [] });
    expect(await shape(database.url)).toEqual(before);
  });

  test('again by a user who may only act as the owner role', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: none, adminUrl: database.url });
    const name = `migrator_${process.pid}`;
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    try {
      await admin.query(`create role ${name} login password 'm' in role holdfast_owner, holdfast_app`);
      const url = new URL(database.url);
      url.username = name;
      url.password = 'm';
      expect((await migrate({ schema: holdfastSchema, adminUrl: url.href })).applied).toEqual(
        await namesIn(holdfastSchema.migrationFolders.slice(1)),
      );
      expect(await createTenant(url.href, 'theirs')).toBeGreaterThan(0);
    } finally {
      await admin.query(`drop role ${name}`);
      await admin.end();
    }
  });

  test('from two processes at the same time on a fresh database gives the schema of one', async () => {
    await using database = await freshDatabase();
    const reports = await Promise.all(
      [1, 2, 3, 4, 5].map(() => migrate({ schema: holdfastSchema, adminUrl: database.url })),
    );
    expect(reports.flatMap(({ applied }) => applied).sort()).toEqual(await all);
    const template = new URL(inject('servers').adminUrl);
    template.pathname = inject('servers').templateDatabase;
    expect(await shape(database.url)).toEqual(await shape(template.href));
    await expect(assertSchema(database.pool, holdfastSchema)).resolves.toBeUndefined();
  });

  test('takes the table of a projection that is gone with it', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: holdfastSchema, adminUrl: database.url });
    const projections = holdfastSchema.projections.filter(({ name }) => name !== 'search');
    await migrate({ schema: { ...holdfastSchema, projections }, adminUrl: database.url });
    const { rows } = await database.admin.query(`select to_regclass('holdfast.memory_document') as found`);
    expect(rows).toEqual([{ found: null }]);
  });

  test('that fails says why and leaves the schema as it was', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: none, adminUrl: database.url });
    const before = await shape(database.url);
    const broken = await mkdtemp(join(tmpdir(), 'broken-'));
    try {
      await cp(logMigrations, broken, { recursive: true });
      await writeFile(join(broken, '0900-broken.sql'), 'create table holdfast.half (n int); select nothing_like_it()');
      await expect(
        migrate({ schema: { ...none, migrationFolders: [broken] }, adminUrl: database.url }),
      ).rejects.toThrow(/nothing_like_it/);
      expect(await shape(database.url)).toEqual(before);
    } finally {
      await rm(broken, { recursive: true });
    }
  });

  test('refuses two migrations of one name', async () => {
    await using database = await freshDatabase();
    await expect(
      migrate({ schema: { ...none, migrationFolders: [logMigrations, folder.path] }, adminUrl: database.url }),
    ).rejects.toThrow(/Two migrations are called 0001-log/);
  });
});

describe('createTenant', () => {
  test('twice, also at once, gives one number; each log starts empty', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: none, adminUrl: database.url });
    const numbers = await Promise.all([1, 2, 3].map(() => createTenant(database.url, 'ana & co')));
    expect(new Set(numbers).size).toBe(1);
    expect(await createTenant(database.url, 'ana & co')).toBe(numbers[0]);
    const store = createEventStore({ pool: database.pool, schema: none });
    expect(await store.head('ana & co')).toBe(0);
    await expect(store.append('ana & co', note('1', 's'))).resolves.toMatchObject({ firstPosition: 1 });
  });
});

describe('assertSchema refuses a database that', () => {
  async function drift(pool: pg.Pool, schema: Parameters<typeof assertSchema>[1]): Promise<string> {
    const error: unknown = await assertSchema(pool, schema).then(
      () => 'accepted',
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SchemaDriftError);
    expect(error).toMatchObject({ code: 'SCHEMA_DRIFT', hint: expect.stringContaining('holdfast migrate') as string });
    return (error as Error).message;
  }

  test('has no schema', async () => {
    await using database = await freshDatabase();
    // Nobody ran migrate, so the application role cannot be relied on either.
    const pool = openPool({ url: database.url, role: null });
    try {
      expect(await drift(pool, holdfastSchema)).toMatch(/it has no Holdfast schema yet/);
    } finally {
      await pool.end();
    }
  });

  test('lacks a migration, or has one this code does not know', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: none, adminUrl: database.url });
    await expect(assertSchema(database.pool, none)).resolves.toBeUndefined();
    const newer = { ...none, migrationFolders: [folder.path] };
    expect(await drift(database.pool, newer)).toMatch(/migrations 0900-newer have not run/);
    await migrate({ schema: newer, adminUrl: database.url });
    expect(await drift(database.pool, none)).toMatch(/migrations 0900-newer come from a newer version/);
  });

  test('has views of another definition, of another projection version, too few or too many', async () => {
    await using database = await freshDatabase();
    await migrate({ schema: holdfastSchema, adminUrl: database.url });
    await expect(assertSchema(database.pool, holdfastSchema)).resolves.toBeUndefined();
    const [first, ...rest] = holdfastSchema.projections;
    if (!first?.views[0]) throw new Error('There are projections.');
    const raised = { ...first, version: first.version + 1 };
    expect(await drift(database.pool, { ...holdfastSchema, projections: [raised, ...rest] })).toMatch(
      /views thread, turn, open_turn, turn_end, .* have another definition/,
    );
    const [view, ...views] = first.views;
    const changed = { ...first, views: [{ ...view, indexes: ['(tenant)'] }, ...views] };
    expect(await drift(database.pool, { ...holdfastSchema, projections: [changed, ...rest] })).toMatch(
      /views thread have another definition/,
    );
    const more = { ...first, name: 'more', views: [{ ...view, name: 'more' }] };
    expect(await drift(database.pool, { ...holdfastSchema, projections: [first, ...rest, more] })).toMatch(
      /views more/,
    );
    // Older code would append without feeding the view, and newer code would later take it for complete.
    expect(await drift(database.pool, { ...holdfastSchema, projections: rest })).toMatch(
      /views approval, .*turn_end come from a newer version/,
    );
  });
});
