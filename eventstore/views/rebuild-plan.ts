import type pg from 'pg';
import type { EventShape } from '../event.ts';
import type { LogSchema } from '../log-schema.ts';
import type { View } from './view.ts';
import { textHash, viewsVersion } from './view.ts';
import type { DefinedView } from './view-definitions.ts';
import { applyFunction, viewsOf } from './view-definitions.ts';
import { applyViewsSql, createViewSql } from './view-sql.ts';

/** What a rebuild has to do, found by comparing the code with the database. */
export interface RebuildPlan {
  /** Every view of the code: what the database will hold. */
  readonly defined: readonly DefinedView[];
  /** Views to build from the log. */
  readonly build: readonly DefinedView[];
  /** Views of the database that the code no longer has. */
  readonly gone: readonly string[];
  /** Names among `build` and `gone` that have a live table now. */
  readonly live: readonly string[];
  /** Names among `build` whose live table has the same definition: its rows must be those that the log gives. */
  readonly same: ReadonlySet<string>;
  /** SQL of the function that applies operations to all defined views; null when it is the one that the database has. */
  readonly apply: string | null;
  /** What an append must have folded for; null when the database says so already. */
  readonly version: string | null;
  /** Identifies what the shadow tables are filled for. */
  readonly target: string;
  /** False when the database is what the code wants and nothing was asked for. */
  readonly needed: boolean;
}

/** Gives the view as its shadow: the table that is filled beside the live one. */
export function shadowOf(view: View): View {
  return { ...view, name: `${view.name}__next` };
}

/** Name a live table gets when its shadow takes its place. */
export function oldName(name: string): string {
  return `${name}__old`;
}

/** Name of the function that applies operations to the shadow tables. */
export const shadowApply = 'apply_views__next';

/**
 * Compares the code with the database. Call it under the lock of rebuilds.
 * @param asked names of views to build even if they are as defined
 */
export async function planRebuild<E extends EventShape>(
  client: pg.ClientBase,
  { projections }: LogSchema<E>,
  asked: readonly string[],
): Promise<RebuildPlan> {
  const { rows: recorded } = await client.query<{ name: string; hash: string }>(
    'select name, hash from holdfast.view_definition',
  );
  const hashes = new Map(recorded.map(({ name, hash }) => [name, hash]));
  const defined = viewsOf(projections);
  const stale = new Set(
    defined.filter(({ view, hash }) => hashes.get(view.name) !== hash).map(({ view }) => view.name),
  );
  const build = defined.filter(({ view }) => stale.has(view.name) || asked.includes(view.name));
  const gone = [...hashes.keys()].filter((name) => !defined.some(({ view }) => view.name === name)).sort();
  const { rows: tables } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'holdfast'::regnamespace and relkind = 'r' and relname = any ($1)`,
    [[...build.map(({ view }) => view.name), ...gone]],
  );
  const apply = applyViewsSql(defined.map(({ view }) => view));
  const version = viewsVersion(projections);
  const { rows: functions } = await client.query<{ hash: string | null; version: string }>(
    `select obj_description('${applyFunction}'::regprocedure, 'pg_proc') as hash, holdfast.views_version() as version`,
  );
  const isApplied = functions[0]?.hash === textHash(apply);
  const isVersion = functions[0]?.version === version;
  return {
    defined,
    build,
    gone,
    live: tables.map(({ name }) => name),
    same: new Set(build.map(({ view }) => view.name).filter((name) => !stale.has(name))),
    apply: isApplied ? null : apply,
    version: isVersion ? null : version,
    target: textHash(
      JSON.stringify([
        build.map(({ view, hash }) => [hash, createViewSql(view)]),
        // Catches most changes of a projection whose author forgot to raise its version.
        projections.map((projection) => projection.project.toString()),
      ]),
    ),
    needed: build.length > 0 || gone.length > 0 || !isApplied || !isVersion,
  };
}
