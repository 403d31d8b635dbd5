import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { Migration, MigrationProvider } from 'kysely/migration';
import type pg from 'pg';
import { applicationRole, openPool, ownerRole } from './database.ts';
import { SchemaDriftError } from './errors.ts';
import type { EventShape } from './event.ts';
import type { LogSchema } from './log-schema.ts';
import { refoldViews } from './refold-views.ts';
import type { Projection } from './view.ts';
import { definitionHash, textHash, viewsVersion } from './view.ts';
import { applyViewsSql, createViewSql, viewsVersionSql } from './view-sql.ts';

const applyFunction = 'holdfast.apply_views(int, bigint[], jsonb)';

/** What a migration changed. */
export interface MigrateReport {
  /** Names of the migrations that ran now. */
  readonly applied: readonly string[];
  /** Names of the views that were built or rebuilt now. */
  readonly views: readonly string[];
}

/**
 * Brings a database to this version: roles, schema, migrations (additive, never edited) and views (rebuilt from the log when
 * their definition changed). Safe to run twice at once: the migrator and the view step hold locks.
 * `adminUrl` must belong to a user that may create roles and schemas (once), later one that may `set role holdfast_owner`.
 */
export async function migrate<E extends EventShape>({
  adminUrl,
  schema,
  onProgress,
}: {
  readonly schema: LogSchema<E>;
  readonly adminUrl: string;
  readonly onProgress?: (line: string) => void;
}): Promise<MigrateReport> {
  const admin = openPool({ url: adminUrl, role: null, applicationName: 'holdfast migrate', maxConnections: 1 });
  try {
    await createRolesAndSchema(admin);
  } finally {
    await admin.end();
  }
  const pool = openPool({ url: adminUrl, role: ownerRole, applicationName: 'holdfast migrate', statementTimeoutMs: 0 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const { error, results } = await new Migrator({
      db,
      provider: sqlFiles(schema.migrationFolders),
      migrationTableSchema: 'holdfast',
      // A log that is given views later gets their folder's migrations then, whatever their numbers.
      allowUnorderedMigrations: true,
    }).migrateToLatest();
    if (error !== undefined) throw error instanceof Error ? error : new Error('A migration failed.', { cause: error });
    const applied = (results ?? []).map(({ migrationName }) => migrationName);
    for (const name of applied) onProgress?.(`applied migration ${name}`);
    const views = await buildViews(pool, schema, onProgress);
    return { applied, views };
  } finally {
    await db.destroy();
  }
}

/** Throws SchemaDriftError unless migrations and view definitions are exactly those of this code. */
export async function assertSchema<E extends EventShape>(
  pool: pg.Pool,
  { migrationFolders, projections }: LogSchema<E>,
): Promise<void> {
  const { rows: schema } = await pool.query<{ exists: boolean }>(
    `select to_regclass('holdfast.view_definition') is not null and to_regclass('holdfast.kysely_migration') is not null as exists`,
  );
  if (!schema[0]?.exists) throw new SchemaDriftError('it has no Holdfast schema yet');
  const { rows } = await pool.query<{ name: string }>('select name from holdfast.kysely_migration');
  const found = new Set(rows.map(({ name }) => name));
  const wanted = Object.keys(await sqlFiles(migrationFolders).getMigrations());
  const missing = wanted.filter((name) => !found.has(name));
  if (missing.length > 0) throw new SchemaDriftError(`migrations ${missing.join(', ')} have not run`);
  const unknown = [...found].filter((name) => !wanted.includes(name));
  if (unknown.length > 0) throw new SchemaDriftError(`migrations ${unknown.join(', ')} come from a newer version`);
  const { rows: built } = await pool.query<{ name: string; hash: string }>(
    'select name, hash from holdfast.view_definition',
  );
  const hashes = new Map(built.map(({ name, hash }) => [name, hash]));
  const stale = viewsOf(projections).filter(({ view, hash }) => hashes.get(view.name) !== hash);
  if (stale.length > 0)
    throw new SchemaDriftError(`views ${stale.map(({ view }) => view.name).join(', ')} have another definition`);
  // This code would append without feeding them, and newer code would later take them for complete.
  const known = new Set(viewsOf(projections).map(({ view }) => view.name));
  const unfed = [...hashes.keys()].filter((name) => !known.has(name)).sort();
  if (unfed.length > 0) throw new SchemaDriftError(`views ${unfed.join(', ')} come from a newer version`);
  const { rows: applied } = await pool.query<{ hash: string | null }>(
    `select obj_description('${applyFunction}'::regprocedure, 'pg_proc') as hash`,
  );
  if (applied[0]?.hash !== textHash(applyViewsSql(viewsOf(projections).map(({ view }) => view)))) {
    throw new SchemaDriftError('the function that applies views was generated by another version');
  }
}

/** Does only what is missing, so that after the first time a user who may act as the owner role is enough. */
async function createRolesAndSchema(admin: pg.Pool): Promise<void> {
  await admin.query('select pg_advisory_lock(7245710361)');
  try {
    // Roles belong to the whole server, the lock only to this database: another one's "exists" is success.
    await admin.query(`do $$ declare wanted text; begin
      foreach wanted in array array['${ownerRole}', '${applicationRole}'] loop
        if not exists (select from pg_roles where rolname = wanted) then
          begin
            execute format('create role %I nologin nosuperuser nobypassrls', wanted);
          exception when duplicate_object or unique_violation then null; end;
        end if;
        if not pg_has_role(current_user, wanted, 'member') then
          execute format('grant %I to %I', wanted, current_user);
        end if;
      end loop;
      if to_regnamespace('holdfast') is null then
        create schema holdfast authorization ${ownerRole};
        grant usage on schema holdfast to ${applicationRole};
      end if;
    end $$`);
  } finally {
    await admin.query('select pg_advisory_unlock(7245710361)');
  }
}

/** Creates or rebuilds the views whose definition is not the recorded one, and the function that applies them all. */
async function buildViews<E extends EventShape>(
  pool: pg.Pool,
  schema: LogSchema<E>,
  onProgress: ((line: string) => void) | undefined,
): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock(7245710362)');
    // Under the lock: two grants at once on one table fail with "tuple concurrently updated".
    await client.query(`grant select on holdfast.kysely_migration to ${applicationRole}`);
    const { rows } = await client.query<{ name: string; hash: string }>(
      'select name, hash from holdfast.view_definition',
    );
    const hashes = new Map(rows.map(({ name, hash }) => [name, hash]));
    const all = viewsOf(schema.projections);
    const stale = all.filter(({ view, hash }) => hashes.get(view.name) !== hash);
    const gone = [...hashes.keys()].filter((name) => !all.some(({ view }) => view.name === name));
    for (const name of gone) {
      await client.query(`drop table if exists holdfast."${name}"`);
      await client.query('delete from holdfast.view_definition where name = $1', [name]);
    }
    for (const { view, hash, projection } of stale) {
      await client.query(`drop table if exists holdfast."${view.name}"`);
      await client.query(createViewSql(view));
      await client.query(
        `insert into holdfast.view_definition (name, projection, hash) values ($1, $2, $3)
         on conflict (name) do update set projection = excluded.projection, hash = excluded.hash, built_at = clock_timestamp()`,
        [view.name, projection, hash],
      );
    }
    if (stale.length > 0) onProgress?.(`built ${stale.length} views`);
    const apply = applyViewsSql(all.map(({ view }) => view));
    await client.query(apply);
    await client.query(viewsVersionSql(viewsVersion(schema.projections)));
    await client.query(`comment on function ${applyFunction} is '${textHash(apply)}'`);
    if (stale.length > 0) await refoldViews(client, schema, new Set(stale.map(({ view }) => view.name)), onProgress);
    await client.query('commit');
    return stale.map(({ view }) => view.name);
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

function viewsOf<E extends EventShape>(projections: readonly Projection<E>[]) {
  return projections.flatMap((projection) =>
    projection.views.map((view) => ({
      view,
      hash: definitionHash(view, projection.version),
      projection: projection.name,
    })),
  );
}

/** Numbered SQL files as Kysely migrations; the file name without its ending is the migration's name. */
function sqlFiles(folders: readonly string[]): MigrationProvider {
  return {
    async getMigrations() {
      const migrations: Record<string, Migration> = {};
      for (const folder of folders) {
        for (const file of (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()) {
          const name = file.slice(0, -'.sql'.length);
          if (migrations[name]) throw new Error(`Two migrations are called ${name}.`);
          migrations[name] = {
            up: async (db) => {
              await sql.raw(await readFile(join(folder, file), 'utf8')).execute(db);
            },
          };
        }
      }
      return migrations;
    },
  };
}
