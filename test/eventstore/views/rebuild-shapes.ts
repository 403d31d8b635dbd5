import type { Command, LogSchema, Projection } from '../../../eventstore/index.ts';
import { defineView, ensure, logMigrations, replace, required } from '../../../eventstore/index.ts';
import type { FreshDatabase } from '../fresh-database.ts';

/** An event that sets one key to a number. */
export interface NumberSet {
  readonly type: 'NumberSet';
  readonly data: { readonly key: string; readonly n: number };
}

/** What a key holds now: each event opens exactly one row, so a log of n events gives n rows. */
export const latestView = defineView({
  name: 'latest',
  key: ['key'],
  columns: { key: required('text'), n: required('int') },
  indexes: ['(tenant, n)'],
});
/** When a key was first seen. */
export const firstSeenView = defineView({ name: 'first_seen', key: ['key'], columns: { key: required('text') } });

/** The same with other columns. */
const doubledView = defineView({
  name: 'latest',
  key: ['key'],
  columns: { key: required('text'), n: required('bigint'), twice: required('bigint') },
});

/** A log of numbers; another version of the projection or other columns make another definition. */
export function numberSchema({ version = 1, doubled = false } = {}): LogSchema<NumberSet> {
  const projection: Projection<NumberSet> = {
    name: 'numbers',
    version,
    views: [doubled ? doubledView : latestView, firstSeenView],
    project: ({ data: { key, n } }) => [
      ...(doubled ? replace(doubledView, { key, n, twice: 2 * n }) : replace(latestView, { key, n })),
      ...ensure(firstSeenView, { key }),
    ],
  };
  return { migrationFolders: [logMigrations], projections: [projection] };
}

/** A command that sets some keys, the first to `n`, the next to `n + 1` … */
export function setNumbers(id: string, n: number, events = 1): Command<NumberSet> {
  return {
    id,
    streams: [{ name: 'numbers', expectedVersion: 'any' }],
    events: Array.from({ length: events }, (_, index) => ({
      type: 'NumberSet',
      stream: 'numbers',
      data: { key: `k${(n + index) % 7}`, n: n + index },
    })),
  };
}

/** Rows of both views of all tenants, in order. */
export async function numberRows(database: Pick<FreshDatabase, 'admin'>): Promise<string[]> {
  const { rows } = await database.admin.query<{ row: string }>(
    `select row('latest', tenant, from_pos, to_pos, key, n)::text as row from latest
     union all select row('first_seen', tenant, from_pos, to_pos, key)::text from first_seen order by 1`,
  );
  return rows.map(({ row }) => row);
}

/** The rows that the logs of all tenants give, worked out from the events alone. */
export async function expectedRows(database: Pick<FreshDatabase, 'admin'>): Promise<string[]> {
  const { rows } = await database.admin.query<{ row: string }>(
    `with e as (select tenant, position, data ->> 'key' as key, (data ->> 'n')::bigint as n from event)
     select row('latest', tenant, position, lead(position) over (partition by tenant, key order by position), key, n)::text as row from e
     union all select row('first_seen', tenant, min(position), null::bigint, key)::text from e group by tenant, key order by 1`,
  );
  return rows.map(({ row }) => row);
}

/** Names of tables and functions that only a rebuild uses, and of what it is filling. */
export async function leftovers(database: Pick<FreshDatabase, 'admin'>): Promise<string[]> {
  const { rows } = await database.admin.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'holdfast'::regnamespace and relname ~ '__(next|old)'
     union all select proname from pg_proc where pronamespace = 'holdfast'::regnamespace and proname ~ '__(next|old)'
     union all select target from rebuild_target union all select tenant::text from view_rebuild order by 1`,
  );
  return rows.map(({ name }) => name);
}
