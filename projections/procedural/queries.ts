import type { Selectable } from 'kysely';
import type { KnownProcedure } from '../../memory/reconcile.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import { livesIn, visibleTo } from '../visible-to.ts';

/** How-tos of exactly this scope in their current version: what a write is reconciled against. */
export async function readKnownProcedures(reader: ViewReader, scope: Scope): Promise<KnownProcedure[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  const rows = await db
    .selectFrom('procedure')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(livesIn(scope, 'procedure'))
    .where(holdsFor(reader, lineage, { alias: 'procedure', item: 'procedure.procedure' }))
    .where('content_hash', '<>', '')
    .orderBy('from_pos')
    .orderBy('procedure')
    .execute();
  return rows.map(({ procedure, version, goal, content, content_hash }) => ({
    procedure,
    version,
    goal,
    text: content,
    contentHash: content_hash,
  }));
}

/** How-tos a reader sees, in order of goal. */
export async function listProcedures(
  reader: ViewReader,
  scope: Scope,
): Promise<Selectable<ViewDatabase['procedure']>[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  return db
    .selectFrom('procedure')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(visibleTo(scope, 'procedure'))
    .where(holdsFor(reader, lineage, { alias: 'procedure', item: 'procedure.procedure' }))
    .orderBy('goal')
    .orderBy('procedure')
    .execute();
}
