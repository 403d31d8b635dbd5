import pg from 'pg';
import { InvalidReadError } from '../errors-read.ts';
import type { Moment } from './position-at.ts';
import { positionOf } from './position-at.ts';
import type { Columns, View, ViewTable } from '../views/view.ts';
import { withTenant } from '../with-tenant.ts';

/** Which rows of a view to read. */
export interface ReadViewOptions<C extends Columns> {
  /** As of a position or a time. @default the head */
  readonly at?: Moment;
  /** Only rows with these values. @default all */
  readonly where?: Partial<{ readonly [K in keyof C & string]: string | number | boolean | null }>;
  /** Most rows to give, oldest first. @default 1000 */
  readonly limit?: number;
}

/**
 * Gives the rows of a view that held at a moment, in order of the events that opened them. The reader of a log that is used on its
 * own; joins and searches are SQL of yours inside `withTenant`. Throws InvalidReadError for a column that the view does not have, an
 * invalid moment or limit; StoreUnavailableError.
 * @param tenant number of the tenant (`store.tenantNumber`)
 */
export async function readView<C extends Columns>(
  pool: pg.Pool,
  tenant: number,
  view: View<C>,
  { at, where = {}, limit = 1_000 }: ReadViewOptions<C> = {},
): Promise<ViewTable<C>[]> {
  if (!Number.isInteger(limit) || limit < 1) throw new InvalidReadError('The limit', 'a whole number from 1', limit);
  const conditions = Object.entries(where).map(([column, value], index) => {
    if (!Object.hasOwn(view.columns, column)) {
      throw new InvalidReadError('The column', `one of ${Object.keys(view.columns).join(', ')}`, column);
    }
    return { sql: ` and ${pg.escapeIdentifier(column)} is not distinct from $${index + 4}`, value };
  });
  return withTenant(pool, tenant, async (client) => {
    const position = await positionOf(client, tenant, at);
    const { rows } = await client.query<ViewTable<C>>(
      `select * from holdfast.${pg.escapeIdentifier(view.name)}
       where tenant = $1 and from_pos <= $2 and (to_pos is null or to_pos > $2)${conditions.map(({ sql }) => sql).join('')}
       order by from_pos limit $3`,
      [tenant, position, limit, ...conditions.map(({ value }) => value)],
    );
    return rows;
  });
}
