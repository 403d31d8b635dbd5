import type pg from 'pg';
import type { EventRow } from './decode-events.ts';
import { createDecoder, selectEvents } from './decode-events.ts';
import type { EventShape } from './event.ts';
import type { LogSchema } from './log-schema.ts';
import { compileOperations } from './view.ts';

const pageSize = 500;

/**
 * Fills empty view tables from the log of every tenant, with the same fold and the same apply function as an append. Runs in
 * the caller's transaction and holds each log's head while it folds it, so no append can slip between fold and commit.
 */
export async function refoldViews<E extends EventShape>(
  client: pg.ClientBase,
  schema: LogSchema<E>,
  views: ReadonlySet<string>,
  onProgress?: (line: string) => void,
): Promise<void> {
  const decode = createDecoder(schema);
  const { rows: tenants } = await client.query<{ no: number; id: string }>(
    'select no, id from holdfast.tenant order by no',
  );
  for (const tenant of tenants) {
    await client.query(`select set_config('holdfast.tenant', $1, true)`, [String(tenant.no)]);
    await client.query('select position from holdfast.log_head where tenant = $1 for update', [tenant.no]);
    let folded = 0;
    for (;;) {
      const { rows } = await client.query<EventRow>(
        `${selectEvents} and e.position > $2 order by e.position limit ${pageSize}`,
        [tenant.no, folded],
      );
      const events = await decode(client, tenant.no, rows);
      const first = events[0];
      if (!first) break;
      const { operations } = compileOperations(
        events.map((event) =>
          schema.projections.flatMap((p) => p.project(event)).filter(({ view }) => views.has(view)),
        ),
      );
      await client.query('select holdfast.apply_views($1, $2, $3)', [
        tenant.no,
        [first.position],
        JSON.stringify(operations),
      ]);
      folded = first.position + events.length - 1;
    }
    if (folded > 0) onProgress?.(`folded ${folded} events of tenant ${tenant.id}`);
  }
}
