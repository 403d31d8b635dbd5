import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { Source, Trust } from '../../memory/events.ts';
import type { KnownProcedure } from '../../memory/reconcile.ts';
import type { Scope } from '../../memory/scope.ts';
import { compareTexts } from '../../memory/text.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import { scopeOfRow } from '../scope-columns.ts';
import { livesIn, visibleTo } from '../visible-to.ts';

/**
 * How-tos of exactly this scope in their current version, and in the last one of those that have none: what a write is reconciled
 * against.
 */
export async function readKnownProcedures(reader: ViewReader, scope: Scope): Promise<KnownProcedure[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  const rows = await db
    .selectFrom('procedure')
    .selectAll()
    .select(holdsFor(reader, lineage, { alias: 'procedure', item: 'procedure.procedure' }).as('stands'))
    .where('tenant', '=', tenant)
    .where(livesIn(scope, 'procedure'))
    .where(holdsFor(reader, lineage, { alias: 'procedure', past: true }))
    .orderBy('from_pos')
    .orderBy('procedure')
    .execute();
  if (rows.length === 0) return [];
  const rollbacks = await readRollbacks(
    reader,
    scope,
    rows.map(({ procedure }) => procedure),
  );
  return [...Map.groupBy(rows, ({ procedure }) => procedure)].flatMap(([procedure, versions]): KnownProcedure[] => {
    const standing = versions.find(({ stands }) => stands === true);
    const shown = standing ?? versions.at(-1);
    if (!shown || shown.content_hash === '') return [];
    const bad = rollbacks.filter((one) => one.procedure === procedure && one.version !== standing?.version);
    return [
      {
        procedure,
        version: standing?.version ?? 0,
        goal: shown.goal,
        text: shown.content,
        contentHash: shown.content_hash,
        latest: Math.max(...versions.map(({ version }) => version)),
        rolledBack: bad.flatMap(({ version, actor }) => {
          const contentHash = versions.find((one) => one.version === version)?.content_hash ?? '';
          return contentHash === '' ? [] : [{ version, contentHash, actor }];
        }),
      },
    ];
  });
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

/** A version of a how-to as its view holds it. */
export interface VersionRow {
  readonly procedure: string;
  readonly version: number;
  readonly scope: Scope;
  readonly goal: string;
  readonly text: string;
  readonly contentHash: string;
  readonly trust: Trust;
  readonly validFrom: Date;
  readonly source: Source;
  /** Tools in order, where it was learnt from calls that worked; null where somebody told it. */
  readonly steps: readonly string[] | null;
  /** When it came to stand, the last time. */
  readonly position: number;
  readonly stands: boolean;
}

/** All versions that there ever were of how-tos that a reader sees, oldest first. */
export async function listVersions(reader: ViewReader, scope: Scope): Promise<VersionRow[]> {
  const lineage = await lineageOf(reader, scope.fork);
  const rows = await versionsOf(reader, lineage).where(visibleTo(scope, 'procedure')).execute();
  return newestOfEach(rows.map(toVersion));
}

/** All versions of one how-to, in whatever scope it lives, as a fork sees them; oldest first. None: the tenant has no such how-to. */
export async function findVersions(
  reader: ViewReader,
  { procedure, fork }: { readonly procedure: string; readonly fork?: string | undefined },
): Promise<VersionRow[]> {
  const lineage = await lineageOf(reader, fork);
  const rows = await versionsOf(reader, lineage).where('procedure', '=', procedure).execute();
  return newestOfEach(rows.map(toVersion));
}

function versionsOf(reader: ViewReader, lineage: Awaited<ReturnType<typeof lineageOf>>) {
  return reader.db
    .selectFrom('procedure')
    .selectAll()
    .select(holdsFor(reader, lineage, { alias: 'procedure', item: 'procedure.procedure' }).as('stands'))
    .where('tenant', '=', reader.tenant)
    .where(holdsFor(reader, lineage, { alias: 'procedure', past: true }))
    .orderBy('from_pos')
    .orderBy('procedure');
}

function toVersion(row: Selectable<ViewDatabase['procedure']> & { readonly stands: unknown }): VersionRow {
  return {
    procedure: row.procedure,
    version: row.version,
    scope: scopeOfRow(row),
    goal: row.goal,
    text: row.content,
    contentHash: row.content_hash,
    trust: row.trust as Trust,
    validFrom: row.valid_from,
    source: { thread: row.thread, branch: row.branch, turn: row.turn, quote: row.quote },
    steps: row.steps,
    position: row.from_pos,
    stands: row.stands === true,
  };
}

/** A version that stood more than once is one version. */
function newestOfEach(rows: readonly VersionRow[]): VersionRow[] {
  const newest = new Map(rows.map((row) => [`${row.version}/${row.procedure}`, row]));
  return [...newest.values()].toSorted((a, b) => compareTexts(a.goal, b.goal) || a.version - b.version);
}

/** A version that was rolled back, by whom and why. */
export interface RollbackRow {
  readonly procedure: string;
  readonly version: number;
  readonly actor: string;
  readonly reason: string;
  readonly position: number;
}

/** Which versions of these how-tos were rolled back, as a reader's line of history sees it. */
export async function readRollbacks(
  reader: ViewReader,
  { fork }: Pick<Scope, 'fork'>,
  procedures: readonly string[],
): Promise<RollbackRow[]> {
  const lineage = await lineageOf(reader, fork);
  const rows = await reader.db
    .selectFrom('procedure_rollback')
    .select(['procedure', 'version', 'actor', 'reason', 'from_pos'])
    .where('tenant', '=', reader.tenant)
    .where(sql<boolean>`procedure = any (${procedures})`)
    .where(holdsFor(reader, lineage, { alias: 'procedure_rollback' }))
    .orderBy('from_pos')
    .execute();
  return rows.map(({ from_pos: position, ...row }) => ({ ...row, position }));
}

/** The turns that vouch for versions of these how-tos which were learnt from calls that worked, oldest first. */
export async function readProofs(
  { db, tenant, position }: ViewReader,
  procedures: readonly string[],
): Promise<(Source & { readonly procedure: string; readonly version: number })[]> {
  if (procedures.length === 0) return [];
  return db
    .selectFrom('procedure_proof')
    .select(['procedure', 'version', 'thread', 'branch', 'turn', 'quote'])
    .where('tenant', '=', tenant)
    .where(sql<boolean>`procedure = any (${procedures})`)
    .where(heldAt(position, 'procedure_proof'))
    .orderBy('from_pos')
    .orderBy('turn')
    .execute();
}
