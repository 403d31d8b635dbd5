import type { View } from './view.ts';

/** SQL that creates the table of a view, its indexes and its row-level security. */
export function createViewSql(view: View): string {
  const table = `holdfast.${quote(view.name)}`;
  const keys = view.key.map(quote).join(', ');
  const columns = Object.entries(view.columns).map(([name, column]) => {
    const collation = column.type === 'text' && view.key.includes(name) ? ' collate "C"' : '';
    return `${quote(name)} ${column.type}${collation}${column.nullable ? '' : ' not null'}`;
  });
  const generated = Object.entries(view.generated ?? {}).map(([name, sql]) => `${quote(name)} ${sql}`);
  return [
    `create table ${table} (tenant int not null, from_pos bigint not null, to_pos bigint,`,
    `  ${[...columns, ...generated].join(', ')},`,
    `  primary key (tenant, ${keys}, from_pos));`,
    // At most one row per key holds: the fold cannot write a second one, whatever a projection does.
    `create unique index ${quote(`${view.name}_holds`)} on ${table} (tenant, ${keys}) where to_pos is null;`,
    ...(view.indexes ?? []).map((index, i) => `create index ${quote(`${view.name}_${i + 1}`)} on ${table} ${index};`),
    `call holdfast.secure_table('${view.name}');`,
  ].join('\n');
}

/**
 * SQL of the function that applies compiled operations (view.ts) of a run of events starting at position `p_first`.
 * Closes come before opens so that the one-holds index is never crossed. Generated per set of views: no dynamic SQL on
 * the hot path.
 */
export function applyViewsSql(views: readonly View[]): string {
  const blocks = views.map((view) => {
    const table = `holdfast.${quote(view.name)}`;
    const keyColumns = view.key.map((name) => `${quote(name)} ${view.columns[name]?.type ?? 'text'}`).join(', ');
    const names = Object.keys(view.columns).map(quote);
    const typed = Object.entries(view.columns)
      .map(([name, column]) => `${quote(name)} ${column.type}`)
      .join(', ');
    const insert = (list: string, condition = ''): string => `
      insert into ${table} (tenant, from_pos, to_pos, ${names.join(', ')})
        select p_tenant, p_first + o.from_at, p_first + o.to_at, ${names.map((n) => `o.${n}`).join(', ')}
        from jsonb_to_recordset(v -> '${list}') as o (from_at bigint, to_at bigint, ${typed})${condition};`;
    return `
    v := p_operations -> '${view.name}';
    if v is not null then
      update ${table} t set to_pos = p_first + c.at
        from jsonb_to_recordset(v -> 'close') as c (at bigint, ${keyColumns})
        where t.tenant = p_tenant and t.to_pos is null and t.from_pos < p_first + c.at
          and ${view.key.map((name) => `t.${quote(name)} = c.${quote(name)}`).join(' and ')};${insert(
            'ensure',
            `
        where not exists (
          select from ${table} t
          where t.tenant = p_tenant and t.from_pos < p_first + o.from_at and (t.to_pos is null or t.to_pos > p_first + o.from_at)
            and ${view.key.map((name) => `t.${quote(name)} = o.${quote(name)}`).join(' and ')})`,
          )}${insert('open')}
    end if;`;
  });
  return `
create or replace function holdfast.apply_views(p_tenant int, p_first bigint, p_operations jsonb) returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $views$
declare
  v jsonb;
begin
  if p_operations is null then return; end if;${blocks.join('')}
end $views$;
revoke all on function holdfast.apply_views(int, bigint, jsonb) from public;`;
}

/** Quotes an identifier that our own code chose. */
function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
