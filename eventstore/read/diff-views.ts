import pg from 'pg';
import { InvalidReadError } from '../errors-read.ts';
import type { EventShape, Position } from '../event.ts';
import type { LogSchema } from '../log-schema.ts';
import type { Moment } from './position-at.ts';
import { positionOf } from './position-at.ts';
import { checkWhole } from './read-pages.ts';
import type { View } from '../views/view.ts';
import { withTenant } from '../with-tenant.ts';

export interface DiffViewsOptions<E extends EventShape> {
  readonly pool: pg.Pool;
  readonly schema: Pick<LogSchema<E>, 'projections'>;
  /** Number of the tenant. */
  readonly tenant: number;
  readonly from: Moment;
  /** @default the head */
  readonly to?: Moment | undefined;
  /** Names of the views to compare. @default all */
  readonly views?: readonly string[] | undefined;
  /** Changes fetched per round trip, 1 to 10,000. @default 1000 */
  readonly pageSize?: number;
}

/** A row of a view, without its bookkeeping columns. */
export type DiffRow = Readonly<Record<string, unknown>>;

/** What became of one key of one view between two moments. */
export interface ViewChange {
  readonly view: string;
  /** Held at the second moment only, at the first only, or at both with other values. */
  readonly change: 'gained' | 'lost' | 'changed';
  /** The event between the two moments that made the difference: the last one, where there are several. */
  readonly position: Position;
  readonly key: DiffRow;
  /** The row at the first moment; null when gained. */
  readonly before: DiffRow | null;
  /** The row at the second moment; null when lost. */
  readonly after: DiffRow | null;
}

/**
 * Gives how views differ between two moments: the rows at `to` are those at `from` without what is lost, with what is gained, and
 * with what changed replaced. A row that was closed and opened again with the same values does not differ. View by view in the order of the
 * schema, within a view by position, then key. When `from` comes after `to`, the same read backwards.
 * Reads rows of views, so it also reaches into an archived log; each page is one scan of the tenant's rows of that view.
 * Throws InvalidReadError for a view there is not, or a moment that is none.
 */
export async function* diffViews<E extends EventShape>({
  pool,
  schema,
  tenant,
  from,
  to,
  views: names,
  pageSize = 1_000,
}: DiffViewsOptions<E>): AsyncGenerator<ViewChange> {
  checkWhole('pageSize', pageSize, 1, 10_000);
  const views = chooseViews(schema, names);
  const [start, end] = await withTenant(pool, tenant, async (client) => [
    await positionOf(client, tenant, from),
    await positionOf(client, tenant, to),
  ]);
  if (start === end) return;
  const range = { low: Math.min(start, end), high: Math.max(start, end) };
  for (const view of views) {
    for await (const change of diffView({ pool, tenant, view, ...range, pageSize })) {
      yield start < end ? change : reversed(change);
    }
  }
}

function chooseViews<E extends EventShape>(
  { projections }: Pick<LogSchema<E>, 'projections'>,
  names: readonly string[] | undefined,
): View[] {
  const all = projections.flatMap((projection) => projection.views);
  const unknown = names?.find((name) => !all.some((view) => view.name === name));
  if (unknown !== undefined) {
    throw new InvalidReadError('The view', `one of ${all.map(({ name }) => name).join(', ')}`, `"${unknown}"`);
  }
  return names ? all.filter(({ name }) => names.includes(name)) : all;
}

const opposite = { gained: 'lost', lost: 'gained', changed: 'changed' } as const;

function reversed({ change, before, after, ...rest }: ViewChange): ViewChange {
  return { ...rest, change: opposite[change], before: after, after: before };
}

/** A row of the query: position and key, then the values before and after under `b0`, `b1` … and `a0`, `a1` …. */
type DiffQueryRow = Readonly<Record<string, unknown>> & {
  readonly at: Position;
  readonly has_before: boolean;
  readonly has_after: boolean;
};

/** One view between two positions. */
interface ViewRange {
  readonly pool: pg.Pool;
  readonly tenant: number;
  readonly view: View;
  readonly low: Position;
  readonly high: Position;
  readonly pageSize: number;
}

async function* diffView(range: ViewRange): AsyncGenerator<ViewChange> {
  const { key } = range.view;
  let rows = await readPage(range);
  for (;;) {
    for (const row of rows) yield toChange(range.view, row);
    const last = rows.at(-1);
    if (!last || rows.length < range.pageSize) return;
    rows = await readPage(range, [last.at, ...key.map((_, index) => last[`k${index}`])]);
  }
}

async function readPage(
  { pool, tenant, view, low, high, pageSize }: ViewRange,
  after: readonly unknown[] = [],
): Promise<DiffQueryRow[]> {
  return withTenant(pool, tenant, async (client) => {
    const values = [tenant, low, high, pageSize, ...after];
    const { rows } = await client.query<DiffQueryRow>(diffSql(view, { isFirstPage: after.length === 0 }), values);
    return rows;
  });
}

function toChange(view: View, row: DiffQueryRow): ViewChange {
  const key = Object.fromEntries(view.key.map((name, index) => [name, row[`k${index}`]]));
  const side = (letter: 'b' | 'a'): DiffRow => ({
    ...key,
    ...Object.fromEntries(valueColumns(view).map((name, index) => [name, row[`${letter}${index}`]])),
  });
  return {
    view: view.name,
    change: row.has_before ? (row.has_after ? 'changed' : 'lost') : 'gained',
    position: row.at,
    key,
    before: row.has_before ? side('b') : null,
    after: row.has_after ? side('a') : null,
  };
}

function valueColumns({ columns, key }: View): string[] {
  return Object.keys(columns).filter((name) => !key.includes(name));
}

/**
 * $1 tenant, $2 and $3 the two positions, $4 how many, then where the last page ended. Of each key at most one row holds at each of
 * the two positions; rows that hold at both are no candidates.
 */
function diffSql(view: View, { isFirstPage }: { readonly isFirstPage: boolean }): string {
  const table = `holdfast.${pg.escapeIdentifier(view.name)}`;
  const key = view.key.map((name) => pg.escapeIdentifier(name));
  const columns = valueColumns(view).map((name) => pg.escapeIdentifier(name));
  const row = (alias: string): string => `row(${columns.map((name) => `${alias}.${name}`).join(', ')})`;
  const chosen = [
    'coalesce(a.from_pos, b.to_pos) as at',
    'b.tenant is not null as has_before',
    'a.tenant is not null as has_after',
    ...key.map((name, index) => `${name} as k${index}`),
    ...columns.flatMap((name, index) => [`b.${name} as b${index}`, `a.${name} as a${index}`]),
  ];
  const isOther = columns.length > 0 ? `${row('b')} is distinct from ${row('a')}` : 'false';
  const place = ['at', ...key.map((_, index) => `k${index}`)].join(', ');
  return `
    with b as (select * from ${table} where tenant = $1 and from_pos <= $2 and to_pos > $2 and to_pos <= $3),
      a as (select * from ${table} where tenant = $1 and from_pos > $2 and from_pos <= $3 and (to_pos is null or to_pos > $3)),
      change as (
        select ${chosen.join(', ')} from b full join a using (${key.join(', ')})
        where a.tenant is null or b.tenant is null or ${isOther})
    select * from change
    ${isFirstPage ? '' : `where (${place}) > ($5, ${key.map((_, index) => `$${index + 6}`).join(', ')})`}
    order by ${place} limit $4`;
}
