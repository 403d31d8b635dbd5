import type pg from 'pg';
import { createDecoder } from '../read/decode-events.ts';
import type { EventRow } from '../read/decode-events.ts';
import { KeyUnavailableError } from '../errors-keys.ts';
import type { EventShape, Position } from '../event.ts';
import { isConnectionFailure } from '../explain-failure.ts';
import type { Findings } from './findings.ts';
import { foldEvents } from '../views/fold-events.ts';
import type { LogSchema } from '../log-schema.ts';
import { toEventRow } from './read-segments.ts';
import type { LoggedEvent } from './logged-command.ts';
import type { View } from '../views/view.ts';
import { applyViewsSql } from '../views/view-sql.ts';

/** Most events and bytes folded at once. */
const page = { events: 1_000, bytes: 2 << 20 };
/** Rows that are named of a view that differs. */
const mostRows = 5;

export interface VerifyViewsInput<E extends EventShape> {
  /** A session of its own, which is closed afterwards: its temporary tables hold the views that the log gives. */
  readonly client: pg.ClientBase;
  readonly schema: LogSchema<E>;
  readonly tenant: number;
  readonly findings: Findings;
}

/** Folds a log a second time beside the live views and compares. */
export interface ViewsVerifier {
  /** Takes the next event. */
  fold(event: LoggedEvent): Promise<void>;
  /** Leaves the comparison out from now on. */
  giveUp(why: string): void;
  /** Compares live and folded rows as of a position. */
  compare(position: Position): Promise<void>;
}

/** Prepares temporary tables for the views of a schema. They belong to the session and go with it, whatever happens. */
export async function createViewsVerifier<E extends EventShape>(input: VerifyViewsInput<E>): Promise<ViewsVerifier> {
  const { client, schema, tenant, findings } = input;
  const views = schema.projections.flatMap((projection) => projection.views);
  const decode = createDecoder(schema);
  let rows: EventRow[] = [];
  let bytes = 0;
  let given = views.length === 0;
  for (const view of views) await client.query(shadowSql(view));
  if (views.length > 0) await client.query(applyViewsSql(views).replaceAll('holdfast."', 'pg_temp."'));
  const keysBefore = await snapshot(client, tenant, 'read only', () => countDestroyedKeys(client, tenant));

  async function flush(): Promise<void> {
    const own = rows;
    rows = [];
    bytes = 0;
    const first = own[0];
    if (!first || given) return;
    try {
      await snapshot(client, tenant, 'read write', () =>
        foldEvents({ client, tenant, decode, projections: schema.projections, rows: own, into: 'pg_temp' }),
      );
    } catch (error) {
      if (isConnectionFailure(error)) throw error;
      given = true;
      const what = error instanceof Error ? error.message : String(error);
      if (error instanceof KeyUnavailableError) findings.skip('views', `keys are not at hand: ${what}`);
      else findings.problem('views', first.position, `events from here on cannot be folded: ${what}`);
    }
  }

  return {
    async fold(event) {
      if (given) return;
      const last = rows.at(-1);
      // A run has no holes; a damaged log may.
      if (last && event.position !== last.position + 1) await flush();
      rows.push(toEventRow(event));
      bytes += event.data.length;
      if (rows.length >= page.events || bytes >= page.bytes) await flush();
    },
    giveUp(why) {
      given = true;
      findings.skip('views', why);
    },
    async compare(position) {
      await flush();
      if (given) return;
      for (const view of views) {
        const forgotten = await snapshot(client, tenant, 'read only', async () => {
          // Rows folded before somebody was forgotten still say what the live ones no longer do.
          if ((await countDestroyedKeys(client, tenant)) !== keysBefore) return true;
          await compareView({ client, view, tenant, position, findings });
          return false;
        });
        if (forgotten) {
          findings.skip('views', 'a subject was forgotten meanwhile; verify again');
          return;
        }
      }
    },
  };
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function columnsOf(view: View): string[] {
  return Object.keys(view.columns).map(quote);
}

/** The table of a view without what is generated, with the indexes that the apply function uses. */
function shadowSql(view: View): string {
  const table = `pg_temp.${quote(view.name)}`;
  const keys = view.key.map(quote).join(', ');
  return `create temporary table ${quote(view.name)} as
      select tenant, from_pos, to_pos, ${columnsOf(view).join(', ')} from holdfast.${quote(view.name)} limit 0;
    create unique index on ${table} (tenant, ${keys}, from_pos);
    create unique index on ${table} (tenant, ${keys}) where to_pos is null;`;
}

/** Rows with their text as of the position ($2): what was closed later still held. */
function rowsSql(view: View, table: string): string {
  return `select from_pos, ${view.key.map(quote).join(', ')},
      row(from_pos, case when to_pos <= $2 then to_pos end, ${columnsOf(view).join(', ')})::text as row
    from ${table} where tenant = $1 and from_pos <= $2`;
}

interface CompareInput {
  readonly client: pg.ClientBase;
  readonly view: View;
  readonly tenant: number;
  readonly position: Position;
  readonly findings: Findings;
}

async function compareView({ client, view, tenant, position, findings }: CompareInput): Promise<void> {
  const live = rowsSql(view, `holdfast.${quote(view.name)}`);
  const folded = rowsSql(view, `pg_temp.${quote(view.name)}`);
  // Equal for the same rows in any order, in memory that does not grow with them.
  const digest = (sql: string): string =>
    `(select count(*) as rows, sum(hashtextextended(row, 1)) as a, sum(hashtextextended(row, 2)) as b from (${sql}) r)`;
  const { rows } = await client.query<{ rows: number; equal: boolean }>(
    `select l.rows, (l.rows, l.a, l.b) is not distinct from (f.rows, f.a, f.b) as equal from ${digest(live)} l, ${digest(folded)} f`,
    [tenant, position],
  );
  findings.checked('views', rows[0]?.rows ?? 0);
  if (rows[0]?.equal) return;
  const keys = view.key.map(quote).join(', ');
  const { rows: different } = await client.query<{
    position: Position;
    key: unknown[];
    live: boolean;
    folded: boolean;
  }>(
    `select from_pos as position, jsonb_build_array(${keys}) as key, l.row is not null as live, f.row is not null as folded
     from (${live}) l full join (${folded}) f using (${keys}, from_pos)
     where l.row is distinct from f.row order by from_pos limit ${mostRows}`,
    [tenant, position],
  );
  for (const row of different) {
    const what = row.live && row.folded ? 'is another' : row.live ? 'does not follow from the log' : 'is missing';
    findings.problem('views', row.position, `view "${view.name}": the row of key ${JSON.stringify(row.key)} ${what}`);
  }
}

async function countDestroyedKeys(client: pg.ClientBase, tenant: number): Promise<number> {
  const { rows } = await client.query<{ destroyed: number }>(
    'select count(*) as destroyed from holdfast.subject_key where tenant = $1 and wrapped is null',
    [tenant],
  );
  return rows[0]?.destroyed ?? 0;
}

async function snapshot<T>(
  client: pg.ClientBase,
  tenant: number,
  access: 'read only' | 'read write',
  action: () => Promise<T>,
): Promise<T> {
  await client.query(
    `begin isolation level repeatable read ${access}; select set_config('holdfast.tenant', '${tenant}', true)`,
  );
  try {
    const result = await action();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
