import type pg from 'pg';
import type { EventShape, EventStore, LogSchema } from '../../eventstore/index.ts';
import { compileOperations } from '../../eventstore/views/view.ts';

/**
 * What the views of a tenant hold and what a fresh fold of its log gives, as sorted texts: they must be equal, always.
 * @param admin superuser sessions
 */
export async function liveAndFresh<E extends EventShape>(
  admin: pg.Pool,
  store: EventStore<E>,
  schema: LogSchema<E>,
  tenant: string,
): Promise<{ readonly live: string[]; readonly fresh: string[] }> {
  const views = schema.projections.flatMap((projection) => projection.views.map(({ name }) => name));
  const rowsOf = async (client: pg.ClientBase | pg.Pool, no: number): Promise<string[]> => {
    const all = views.map(
      (name) =>
        `select '${name} ' || (to_jsonb(t) - 'tenant')::text as row from holdfast."${name}" t where tenant = $1`,
    );
    const { rows } = await client.query<{ row: string }>(`${all.join(' union all ')} order by 1`, [no]);
    return rows.map(({ row }) => row);
  };
  const live = await rowsOf(admin, await store.tenantNumber(tenant));
  const client = await admin.connect();
  try {
    await client.query('begin');
    // A tenant that is not there, in tables that forget it again.
    const scratch = 1_000_000;
    for await (const event of store.readLog(tenant)) {
      const { operations } = compileOperations([schema.projections.flatMap((projection) => projection.project(event))]);
      await client.query('select holdfast.apply_views($1, $2, $3)', [
        scratch,
        [event.position],
        JSON.stringify(operations),
      ]);
    }
    return { live, fresh: await rowsOf(client, scratch) };
  } finally {
    await client.query('rollback');
    client.release();
  }
}
