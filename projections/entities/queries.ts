import type { FoldedEntities } from '../../memory/entities/fold.ts';
import { foldEntities } from '../../memory/entities/fold.ts';
import type { NameMerge } from '../../memory/entities/names.ts';
import { joinNames } from '../../memory/entities/names.ts';
import { forgottenText } from '../../memory/personal-fields.ts';
import type { Scope } from '../../memory/scope.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import { sha256 } from '../digest.ts';
import type { ViewReader } from '../read-views.ts';
import { scopeOfRow } from '../scope-columns.ts';
import type { FactRow } from '../semantic/queries.ts';
import { listFacts } from '../semantic/queries.ts';
import { visibleTo } from '../visible-to.ts';

/** A merge of names with who made it. */
export interface MergeRow extends NameMerge {
  /** Where it lives: who sees that, sees the names as one. */
  readonly scope: Scope;
  readonly actor: string;
  readonly reason: string;
  readonly position: number;
}

/** The most facts that entities are folded from, the newest ones. */
const mostFacts = 20_000;

/** Merges that a reader sees, oldest first. `past` adds those that were taken back. */
export async function listMerges(
  reader: ViewReader,
  scope: Scope,
  { past = false, only }: { readonly past?: boolean; /** @default all */ readonly only?: string } = {},
): Promise<MergeRow[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  let query = db
    .selectFrom('entity_merge as g')
    .selectAll()
    .where('g.tenant', '=', tenant)
    .where(visibleTo(scope, 'g'))
    .where(holdsFor(reader, lineage, { alias: 'g', item: 'g.merge', past }))
    .orderBy('g.from_pos')
    .orderBy('g.merge');
  if (only !== undefined) query = query.where('g.merge', '=', only);
  const rows = await query.execute();
  return rows.map((row) => ({
    ...{ merge: row.merge, scope: scopeOfRow(row), into: row.into_name, names: row.names },
    ...{ actor: row.actor, reason: row.reason, position: row.from_pos },
  }));
}

/** The entities that a reader sees, with the facts and the merges that they are folded from. */
export interface ReadEntities extends FoldedEntities {
  /** Held and past, oldest first. */
  readonly facts: readonly FactRow[];
  readonly merges: readonly MergeRow[];
}

/** Folds the entities that a reader sees from the facts that it sees. */
export async function readEntities(reader: ViewReader, scope: Scope): Promise<ReadEntities> {
  const merges = await listMerges(reader, scope);
  const all = await listFacts(reader, { reader: scope, past: true, limit: mostFacts });
  // Rows of a forgotten user stay, without words.
  const facts = all.filter(({ subject }) => subject !== forgottenText);
  const names = joinNames(merges, facts);
  return { ...foldEntities(facts, { names, idOf: (key) => entityId(scope, key) }), facts, merges };
}

/** The id of a name among what is remembered of a user, or of nobody. */
export function entityId({ user }: Scope, key: string): string {
  return `e-${sha256(JSON.stringify([user ?? null, key])).slice(0, 16)}`;
}
