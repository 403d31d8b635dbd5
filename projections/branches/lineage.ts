import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import type { RawBuilder, SqlBool } from 'kysely';
import type { Position } from '../../eventstore/index.ts';
import type { ForkTools } from '../../memory/events.ts';
import { mainBranch } from '../../memory/scope.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';

/** A line of history that a fork is made of: itself, its parent up to where it left, and so on to the main branch. */
export interface LineageStep {
  readonly fork: string;
  readonly branch: string;
  /** What is seen of it: everything up to here. */
  readonly position: Position;
  /** The fork's own record; null for the main branch, and for a branch that nobody forked. */
  readonly forked: ForkRow | null;
}

/** A fork as its view holds it. */
export type ForkRow = Omit<Selectable<ViewDatabase['fork']>, 'tools'> & { readonly tools: ForkTools };

/** Where a fork comes from, itself first. */
export type Lineage = readonly LineageStep[];

/** One lookup per snapshot and position, whoever asks. */
const known = new WeakMap<ViewReader, Map<string, Promise<Lineage>>>();

/**
 * The lineage of a fork, or undefined for the main branch, which costs nothing. A branch that was sent to but never forked sees the
 * memory of the main branch as it is now.
 */
export async function lineageOf(reader: ViewReader, fork: string | undefined): Promise<Lineage | undefined> {
  if (fork === undefined) return undefined;
  const own = known.get(reader) ?? new Map<string, Promise<Lineage>>();
  known.set(reader, own);
  const lineage = own.get(fork) ?? readLineage(reader, fork);
  own.set(fork, lineage);
  return lineage;
}

async function readLineage({ db, tenant, position }: ViewReader, fork: string): Promise<Lineage> {
  const rows = await db
    .withRecursive('line', (query) =>
      query
        .selectFrom('fork')
        .where('tenant', '=', tenant)
        .where('fork', '=', fork)
        .selectAll()
        .select(sql<number>`1`.as('depth'))
        .unionAll((union) =>
          union
            .selectFrom('line as l')
            .innerJoin('fork as f', 'f.fork', 'l.parent_fork')
            .where('f.tenant', '=', tenant)
            .selectAll('f')
            .select(sql<number>`l.depth + 1`.as('depth')),
        ),
    )
    .selectFrom('line')
    .selectAll()
    .orderBy('depth')
    .execute();
  const lineage: LineageStep[] = [];
  let upTo = position;
  for (const { depth: _depth, ...row } of rows) {
    const forked = { ...row, tools: row.tools as ForkTools };
    lineage.push({ fork: row.fork, branch: row.branch, position: upTo, forked });
    upTo = Math.min(upTo, row.position);
  }
  if (lineage.length === 0) lineage.push({ fork, branch: branchOf(fork), position, forked: null });
  lineage.push({ fork: '', branch: mainBranch, position: upTo, forked: null });
  return lineage;
}

function branchOf(fork: string): string {
  return decodeURIComponent(fork.slice(fork.indexOf('/') + 1));
}

/** Text of a condition with `$1`, `$2` … for its values. */
export interface Condition {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What a condition is about: rows of a memory view (with its columns `fork`, `from_pos`, `to_pos`) under an alias. */
interface Rows {
  readonly alias: string;
  /** SQL of what a fork calls the row when it ends it (`fork_end.item`); without it, and of past rows, that is not asked. */
  readonly item?: string;
  /** Rows that began, whether they hold still or not. @default false */
  readonly past?: boolean;
}

/**
 * The one condition that keeps forks apart: the row was written in the reader's own line of history and holds in it. On the main
 * branch: written outside of forks. In a fork: by itself, or by what it comes from up to where it left, unless the fork ended it.
 * @param first number of the condition's first value
 */
export function holdsCondition(
  { position }: ViewReader,
  lineage: Lineage | undefined,
  { alias, item, past = false }: Rows,
  first = 1,
): Condition {
  const during = (at: string): string =>
    past
      ? `${alias}.from_pos <= ${at}`
      : `${alias}.from_pos <= ${at} and (${alias}.to_pos is null or ${alias}.to_pos > ${at})`;
  if (lineage === undefined) return { text: `(${alias}.fork = '' and ${during(`$${first}`)})`, values: [position] };
  const line = (name: string): string =>
    `unnest($${first}::text[], $${first + 1}::bigint[]) with ordinality as ${name} (fork, pos, depth)`;
  const ended =
    item === undefined || past
      ? ''
      : ` and not exists (select from holdfast.fork_end e, ${line('n')}
          where e.tenant = ${alias}.tenant and e.item = ${item} and e.fork = n.fork and e.from_pos <= n.pos and n.depth < l.depth)`;
  return {
    text: `(${alias}.fork = any ($${first}::text[]) and exists (select from ${line('l')}
        where ${alias}.fork = l.fork and ${during('l.pos')}${ended}))`,
    values: [lineage.map(({ fork }) => fork), lineage.map((step) => step.position)],
  };
}

/** The same for a query of Kysely. */
export function holdsFor(reader: ViewReader, lineage: Lineage | undefined, rows: Rows): RawBuilder<SqlBool> {
  const { text, values } = holdsCondition(reader, lineage, rows);
  const pieces = text
    .split(/\$(\d+)/)
    .map((piece, index) => (index % 2 === 0 ? sql.raw(piece) : sql.val(values[Number(piece) - 1])));
  return sql<SqlBool>`${sql.join(pieces, sql.raw(''))}`;
}
