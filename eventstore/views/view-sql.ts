import type { View } from './view.ts';

/** SQL that creates the table of a view with its row-level security, and the indexes that folding needs. */
export function createViewSql(view: View): string {
  const table = `holdfast.${quote(view.name)}`;
  const keys = view.key.map(quote).join(', ');
  // One collation for all that rows are found by: across two of them, a join can use no index.
  const ids = new Set([...view.key, ...(view.indexes ?? []).flatMap(indexedColumns)]);
  const columns = Object.entries(view.columns).map(([name, column]) => {
    const collation = column.type === 'text' && ids.has(name) ? ' collate "C"' : '';
    return `${quote(name)} ${column.type}${collation}${column.nullable ? '' : ' not null'}`;
  });
  const generated = Object.entries(view.generated ?? {}).map(([name, sql]) => `${quote(name)} ${sql}`);
  return [
    `create table ${table} (tenant int not null, from_pos bigint not null, to_pos bigint,`,
    `  ${[...columns, ...generated].join(', ')},`,
    `  primary key (tenant, ${keys}, from_pos));`,
    // At most one row per key holds: the fold cannot write a second one, whatever a projection does.
    `create unique index ${quote(`${view.name}_holds`)} on ${table} (tenant, ${keys}) where to_pos is null;`,
    `call holdfast.secure_table('${view.name}');`,
  ].join('\n');
}

/** The items of an index that are a column, not an expression. */
function indexedColumns(index: string): string[] {
  return (/^\(([^()]*)\)/.exec(index)?.[1] ?? '').split(',').map((item) => item.trim());
}

/** SQL that creates each further index of a view's table; cheaper after the table is filled. Those that exist are left alone. */
export function indexViewSql(view: View): string[] {
  return (view.indexes ?? []).map(
    (index, i) =>
      `create index if not exists ${quote(`${view.name}_${i + 1}`)} on holdfast.${quote(view.name)} ${index}`,
  );
}

/**
 * SQL of the function that applies compiled operations (view.ts): `p_firsts` has the position of the first event of each command
 * (null = not accepted, its rows are skipped). Closes come before opens so that the one-holds index is never crossed. Generated
 * per set of views: no dynamic SQL on the hot path.
 * @param name of the function, in schema `holdfast` @default 'apply_views'
 * @param table gives the table of a view @default its name
 */
export function applyViewsSql(
  views: readonly View[],
  { name = 'apply_views', table = (view) => view.name }: { name?: string; table?: (view: View) => string } = {},
): string {
  return `
create or replace function holdfast.${quote(name)}(p_tenant int, p_firsts bigint[], p_operations jsonb) returns void
  language plpgsql as $views$
declare
  v jsonb;
begin${views.map((view) => applyViewSql(view, `holdfast.${quote(table(view))}`)).join('')}
end $views$;
revoke all on function holdfast.${quote(name)}(int, bigint[], jsonb) from public;`;
}

/** SQL of the function that says which definitions the views have; see viewsVersion. */
export function viewsVersionSql(version: string): string {
  return `
create or replace function holdfast.views_version() returns text language sql stable as $$ select '${version}'::text $$;`;
}

function applyViewSql(view: View, table: string): string {
  const keyColumns = view.key.map((name) => `${quote(name)} ${view.columns[name]?.type ?? 'text'}`).join(', ');
  const names = Object.keys(view.columns).map(quote);
  const typed = Object.entries(view.columns).map(([name, column]) => `${quote(name)} ${column.type}`);
  const sameKey = (alias: string): string =>
    view.key.map((name) => ` and t.${quote(name)} = ${alias}.${quote(name)}`).join('');
  const insert = (list: string, condition = ''): string => `
      insert into ${table} (tenant, from_pos, to_pos, ${names.join(', ')})
        select p_tenant, p_firsts[o.c + 1] + o.from_at, p_firsts[o.c + 1] + o.to_at, ${names.map((n) => `o.${n}`).join(', ')}
        from jsonb_to_recordset(v -> '${list}') as o (c int, from_at bigint, to_at bigint, ${typed.join(', ')})
        where p_firsts[o.c + 1] is not null${condition};`;
  return `
  v := p_operations -> '${view.name}';
  if v is not null then
    if v ? 'close' then
      update ${table} t set to_pos = p_firsts[o.c + 1] + o.at
        from jsonb_to_recordset(v -> 'close') as o (c int, at bigint, ${keyColumns})
        where t.tenant = p_tenant and t.to_pos is null and t.from_pos < p_firsts[o.c + 1] + o.at${sameKey('o')};
    end if;
    if v ? 'ensure' then${insert(
      'ensure',
      ` and not exists (
          select from ${table} t
          where t.tenant = p_tenant and t.from_pos < p_firsts[o.c + 1] + o.from_at
            and (t.to_pos is null or t.to_pos > p_firsts[o.c + 1] + o.from_at)${sameKey('o')})`,
    )}
    end if;
    if v ? 'open' then${insert('open')}
    end if;
  end if;`;
}

/** Quotes an identifier that our own code chose. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
