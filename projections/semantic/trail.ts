import type { Position } from '../../eventstore/index.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import type { ViewReader } from '../read-views.ts';
import type { Scope } from '../../memory/scope.ts';

/** Positions of the events that made a fact what it is: asserted, said again, ended. In order. */
export async function readFactTrail(
  reader: ViewReader,
  { scope, fact }: { readonly scope: Scope; readonly fact: string },
): Promise<Position[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  const positions = new Set<Position>();
  for (const table of ['fact', 'fact_source', 'fact_end'] as const) {
    const rows = await db
      .selectFrom(table)
      .select('from_pos')
      .where('tenant', '=', tenant)
      .where('fact', '=', fact)
      .where(holdsFor(reader, lineage, { alias: table, past: true }))
      .execute();
    for (const { from_pos } of rows) positions.add(from_pos);
  }
  return [...positions].sort((a, b) => a - b);
}
