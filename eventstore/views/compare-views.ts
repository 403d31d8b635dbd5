import type pg from 'pg';
import type { Position } from '../event.ts';
import { transactionOn } from '../transaction-on.ts';
import type { View } from './view.ts';
import { quote } from './view-sql.ts';

/** Where a live view and the view that the log gives are not the same. */
export interface ViewDifference {
  readonly tenant: string;
  /** Rows that only the live view has; a row that differs counts here and there. */
  readonly onlyLive: number;
  /** Rows that only the log gives. */
  readonly onlyRebuilt: number;
}

/** A view of one tenant, live and rebuilt. */
export interface ComparedView {
  readonly name: string;
  readonly liveRows: number;
  readonly rebuiltRows: number;
  /** Null when both hold the same rows. */
  readonly difference: ViewDifference | null;
}

export interface CompareInput {
  readonly views: readonly View[];
  /** Gives the name of the table that holds the rebuilt view. */
  readonly rebuilt: (view: View) => string;
  readonly tenant: { readonly no: number; readonly id: string };
  readonly position: Position;
}

/** More than one view in a transaction only for logs up to this length: no snapshot is held for long. */
const smallLog = 20_000;

/**
 * Compares the live tables of views with rebuilt ones, by checksums of their rows as of a position; writers may go on meanwhile.
 * The client works as the owner role.
 */
export async function compareViews(
  client: pg.ClientBase,
  { views, rebuilt, tenant, position }: CompareInput,
): Promise<ComparedView[]> {
  const parts = position > smallLog ? views.map((view) => [view]) : [views];
  const compared: ComparedView[] = [];
  for (const part of parts) {
    if (part.length === 0) continue;
    await transactionOn(
      client,
      async () => {
        const { rows } = await client.query<Digest>(
          part.map((view) => digestSql(view, view.name, rebuilt(view))).join(' union all '),
          [tenant.no, position],
        );
        for (const { name, live_rows, rebuilt_rows, equal } of rows) {
          const view = part.find((one) => one.name === name);
          const difference =
            equal || !view
              ? null
              : { tenant: tenant.id, ...(await countDifferences(client, view, rebuilt(view), [tenant.no, position])) };
          compared.push({ name, liveRows: live_rows, rebuiltRows: rebuilt_rows, difference });
        }
      },
      `begin isolation level repeatable read read only; select set_config('holdfast.tenant', '${tenant.no}', true)`,
    );
  }
  return compared;
}

interface Digest {
  readonly name: string;
  readonly live_rows: number;
  readonly rebuilt_rows: number;
  readonly equal: boolean;
}

// Two 64-bit hashes of each row, summed: equal for the same rows in any order. It finds drift, not forgery.
function digestSql(view: View, live: string, rebuilt: string): string {
  const digest = (table: string): string =>
    `(select count(*) as rows, sum(hashtextextended(row, 1)) as a, sum(hashtextextended(row, 2)) as b from (${rowsSql(view, table)}) r)`;
  return `select '${view.name}' as name, l.rows as live_rows, n.rows as rebuilt_rows,
      (l.rows, l.a, l.b) is not distinct from (n.rows, n.a, n.b) as equal
    from ${digest(live)} l, ${digest(rebuilt)} n`;
}

async function countDifferences(
  client: pg.ClientBase,
  view: View,
  rebuilt: string,
  values: readonly [tenant: number, position: Position],
): Promise<{ onlyLive: number; onlyRebuilt: number }> {
  const { rows } = await client.query<{ onlyLive: number; onlyRebuilt: number }>(
    `with live as (${rowsSql(view, view.name)}), rebuilt as (${rowsSql(view, rebuilt)})
     select (select count(*) from (select row from live except all select row from rebuilt) x) as "onlyLive",
            (select count(*) from (select row from rebuilt except all select row from live) x) as "onlyRebuilt"`,
    [...values],
  );
  return rows[0] ?? { onlyLive: 0, onlyRebuilt: 0 };
}

/** Each row as text, as it stood at the position ($2): what was closed later still held. Generated columns follow from the others. */
function rowsSql(view: View, table: string): string {
  const columns = Object.keys(view.columns).map((name) => `t.${quote(name)}`);
  return `select row(t.from_pos, case when t.to_pos <= $2 then t.to_pos end, ${columns.join(', ')})::text as row
    from holdfast.${quote(table)} t where t.tenant = $1 and t.from_pos <= $2`;
}
