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
import type { ReadArchived } from './views/fold-shadow.ts';
import { explainRebuild } from './explain-failure.ts';
import { withRebuildLock } from './views/rebuild-lock.ts';
import { planRebuild } from './views/rebuild-plan.ts';
import { describeProgress, progressLines } from './views/rebuild-progress.ts';
import { buildViews } from './views/rebuild-views.ts';
import { tidyAfterHandOver } from './views/shadow-tables.ts';
import { textHash } from './views/view.ts';
import { applyFunction, viewsOf } from './views/view-definitions.ts';
import { applyViewsSql } from './views/view-sql.ts';

/** What a migration changed. */
export interface MigrateReport {
  /** Names of the migrations that ran now. */
  readonly applied: readonly string[];
  /** Names of the views that were built or rebuilt now. */
  readonly views: readonly string[];
}

export interface MigrateOptions<E extends EventShape> {
  readonly schema: LogSchema<E>;
  /** Must belong to a user that may create roles and schemas (once), later to one that may `set role holdfast_owner`. */
  readonly adminUrl: string;
  /** Way to the events of archived logs, for views that have to be built from them. @default none; refused then */
  readonly archived?: ReadArchived;
  /** Receives one line about each thing done. */
  readonly onProgress?: (line: string) => void;
}

/**
 * Brings a database to this version: roles, schema, migrations (additive, never edited) and views: those whose definition changed
 * are built from the log beside the live ones, while writers and readers go on, and handed over. Safe to run twice at once (one
 * waits for the other), and again after it was killed. Throws StoreUnavailableError, LogArchivedError, HandOverBlockedError.
 */
export async function migrate<E extends EventShape>(options: MigrateOptions<E>): Promise<MigrateReport> {
  const { adminUrl, schema } = options;
  const say = options.onProgress ?? (() => undefined);
  const admin = openOwnerPool(adminUrl, null);
  const pool = openOwnerPool(adminUrl, ownerRole);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    await createRolesAndSchema(admin);
    const { error, results } = await new Migrator({
      db,
      provider: sqlFiles(schema.migrationFolders),
      migrationTableSchema: 'holdfast',
      // A log that is given views later gets their folder's migrations then, whatever their numbers.
      allowUnorderedMigrations: true,
    }).migrateToLatest();
    if (error !== undefined) throw error instanceof Error ? error : new Error('A migration failed.', { cause: error });
    const applied = (results ?? []).map(({ migrationName }) => migrationName);
    for (const name of applied) say(`applied migration ${name}`);
    const views = await withRebuildLock(
      pool,
      async (session) => {
        // Under the lock: two grants at once on one table fail with "tuple concurrently updated".
        await session.writer.query(`grant select on holdfast.kysely_migration to ${applicationRole}`);
        const plan = await planRebuild(session.writer, schema, []);
        await tidyAfterHandOver(session.writer);
        if (!plan.needed) return [];
        await buildViews(session, plan, { ...options, onProgress: progressLines(say) });
        return plan.build.map(({ view }) => view.name);
      },
      () => say(describeProgress({ step: 'waiting' })),
    );
    return { applied, views };
  } catch (error) {
    throw explainRebuild(error);
  } finally {
    await db.destroy();
    await admin.end();
  }
}

function openOwnerPool(url: string, role: string | null): pg.Pool {
  const pool = openPool({ url, role, applicationName: 'holdfast migrate', statementTimeoutMs: 0, maxConnections: 3 });
  // A connection that breaks in use tells by its query; without a listener it would end the process as well.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
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
  const client = await admin.connect();
  try {
    await client.query('select pg_advisory_lock(7245710361)');
    // Roles belong to the whole server, the lock only to this database: another one's "exists" is success.
    await client.query(`do $$ declare wanted text; begin
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
    // Closes the session, which frees the lock.
    client.release(true);
  }
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
