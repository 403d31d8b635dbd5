import type pg from 'pg';
import type { RowChanges } from './forgotten-rows.ts';
import { quote } from '../views/view-sql.ts';

/** Rows of one statement: a view may have millions of them. */
const batchSize = 2_000;

/**
 * Rewrites and deletes rows of one view, set-wise; `to_pos` stays. As the owner role, bound to the tenant. Gives how many rows there were:
 * an ensured row need not be there.
 */
export async function rewriteRows(
  client: Pick<pg.ClientBase, 'query'>,
  tenant: number,
  { view, update, remove }: RowChanges,
): Promise<number> {
  const table = `holdfast.${quote(view.name)}`;
  const columns = Object.entries(view.columns);
  const typed = (names: readonly string[]): string =>
    [
      'from_pos bigint',
      ...columns.filter(([name]) => names.includes(name)).map(([name, c]) => `${quote(name)} ${c.type}`),
    ].join(', ');
  const sameRow = ['from_pos', ...view.key].map((name) => ` and t.${quote(name)} = o.${quote(name)}`).join('');
  const others = columns.map(([name]) => name).filter((name) => !view.key.includes(name));
  const statements = [
    {
      rows: remove,
      text: `delete from ${table} t using jsonb_to_recordset($2::jsonb) as o (${typed(view.key)}) where t.tenant = $1${sameRow}`,
    },
    {
      rows: update,
      text: `update ${table} t set ${others.map((name) => `${quote(name)} = o.${quote(name)}`).join(', ')}
        from jsonb_to_recordset($2::jsonb) as o (${typed(columns.map(([name]) => name))}) where t.tenant = $1${sameRow}`,
    },
  ];
  let count = 0;
  for (const { rows, text } of statements) {
    for (let from = 0; from < rows.length; from += batchSize) {
      const { rowCount } = await client.query(text, [tenant, JSON.stringify(rows.slice(from, from + batchSize))]);
      count += rowCount ?? 0;
    }
  }
  return count;
}
