import type { Selectable } from 'kysely';
import type { KnownProcedure } from '../../memory/reconcile.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';
import { livesIn, visibleTo } from '../visible-to.ts';

/** How-tos of exactly this scope in their current version: what a write is reconciled against. */
export async function readKnownProcedures(
  { db, position, tenant }: ViewReader,
  scope: Scope,
): Promise<KnownProcedure[]> {
  const rows = await db
    .selectFrom('procedure')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(livesIn(scope, 'procedure'))
    .where(heldAt(position, 'procedure'))
    .where('content_hash', '<>', '')
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
  { db, position, tenant }: ViewReader,
  reader: Scope,
): Promise<Selectable<ViewDatabase['procedure']>[]> {
  return db
    .selectFrom('procedure')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(visibleTo(reader, 'procedure'))
    .where(heldAt(position, 'procedure'))
    .orderBy('goal')
    .execute();
}
