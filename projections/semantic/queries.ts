import type { KnownFact } from '../../memory/reconcile.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';
import { holdsFor, lineageOf } from '../branches/lineage.ts';
import { livesIn, visibleTo } from '../visible-to.ts';
import { toKnownFact } from './known-fact.ts';

/** Facts that hold in exactly this scope: what a write is reconciled against. */
export async function readKnownFacts(reader: ViewReader, scope: Scope): Promise<KnownFact[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  const rows = await db
    .selectFrom('fact')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(livesIn(scope, 'fact'))
    .where(holdsFor(reader, lineage, { alias: 'fact', item: 'fact.fact' }))
    .where('valid_to', 'is', null)
    // A forgotten fact still stands in its row, but there is nothing left to compare with.
    .where('content_hash', '<>', '')
    .orderBy('from_pos')
    .execute();
  return rows.map(toKnownFact);
}

/** The most facts of the past that a write looks at; older ones are not asked. */
const mostPast = 500;

/**
 * Facts of exactly this scope that were superseded or born historical, newest first: where a value belongs that is learnt of late. Not those
 * that were taken back: they say nothing about when others began or ended.
 */
export async function readPastFacts(reader: ViewReader, scope: Scope): Promise<KnownFact[]> {
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  const rows = await db
    .selectFrom('fact as f')
    .leftJoin('fact_end as e', (join) =>
      join
        .onRef('e.tenant', '=', 'f.tenant')
        .onRef('e.fact', '=', 'f.fact')
        .on(holdsFor(reader, lineage, { alias: 'e' })),
    )
    .where('f.tenant', '=', tenant)
    .where(livesIn(scope, 'f'))
    .where(holdsFor(reader, lineage, { alias: 'f', item: 'f.fact', past: true }))
    .where('f.content_hash', '<>', '')
    .where((eb) =>
      eb.or([
        // Not those that were merged: what they say holds, under another id.
        eb('e.reason', '=', 'superseded'),
        eb.and([eb('e.fact', 'is', null), eb('f.valid_to', 'is not', null)]),
      ]),
    )
    .selectAll('f')
    .select('e.valid_to as ended_at')
    .orderBy('f.from_pos', 'desc')
    .limit(mostPast)
    .execute();
  return rows.map((row) => {
    const validTo = row.ended_at ?? row.valid_to;
    return { ...toKnownFact(row), validTo: validTo?.toISOString() ?? null };
  });
}

/**
 * Facts of exactly this scope that say one of these things and have ended: words that are older than that end and are read after it must not
 * bring them back. Not those that consolidation retired: what they say holds, or expired.
 */
export async function readEndedFacts(
  reader: ViewReader,
  scope: Scope,
  contentHashes: readonly string[],
): Promise<KnownFact[]> {
  if (contentHashes.length === 0) return [];
  const { db, tenant } = reader;
  const lineage = await lineageOf(reader, scope.fork);
  const rows = await db
    .selectFrom('fact as f')
    .innerJoin('fact_end as e', (join) =>
      join
        .onRef('e.tenant', '=', 'f.tenant')
        .onRef('e.fact', '=', 'f.fact')
        .on(holdsFor(reader, lineage, { alias: 'e' })),
    )
    .where('f.tenant', '=', tenant)
    .where(livesIn(scope, 'f'))
    .where(holdsFor(reader, lineage, { alias: 'f', item: 'f.fact', past: true }))
    .where('f.content_hash', 'in', contentHashes)
    .where('e.reason', 'not in', ['merged', 'expired', 'undone'])
    .selectAll('f')
    .select(['e.valid_to as ended_at', 'e.reason'])
    .orderBy('f.from_pos', 'desc')
    .limit(mostPast)
    .execute();
  return rows.map((row) => ({
    ...toKnownFact(row),
    validTo: row.ended_at.toISOString(),
    isTakenBack: row.reason !== 'superseded',
  }));
}

/** A fact with its validity and its sources. */
export interface FactRow {
  readonly fact: string;
  readonly kind: string;
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  readonly text: string;
  /** The value of a kind of your own, as its schema gave it (`kind.is(fact)` gives its type); null for built-in kinds. */
  readonly data: unknown;
  readonly scope: { readonly user: string | null; readonly agent: string | null; readonly thread: string | null };
  readonly confidence: number;
  readonly trust: string;
  readonly validFrom: Date;
  readonly validTo: Date | null;
  /** When it is recalled no more; null = never. */
  readonly expiresAt: Date | null;
  readonly replaces: string | null;
  readonly replacedBy: string | null;
  readonly disputedWith: string | null;
  readonly position: number;
  readonly sources: readonly {
    readonly turn: string;
    readonly thread: string;
    readonly quote: string;
    readonly position: number;
  }[];
}

/** The newest facts a reader sees, oldest first. `past` adds those that were superseded, retracted or born historical. */
export async function listFacts(
  view: ViewReader,
  {
    reader,
    past = false,
    limit = 500,
    only,
  }: {
    readonly reader: Scope;
    readonly past?: boolean;
    readonly limit?: number;
    /** Only these. @default all */
    readonly only?: readonly string[];
  },
): Promise<FactRow[]> {
  const { db, tenant } = view;
  const lineage = await lineageOf(view, reader.fork);
  let query = db
    .selectFrom('fact as f')
    .leftJoin('fact_end as e', (join) =>
      join
        .onRef('e.tenant', '=', 'f.tenant')
        .onRef('e.fact', '=', 'f.fact')
        .on(holdsFor(view, lineage, { alias: 'e' })),
    )
    .where('f.tenant', '=', tenant)
    .where(holdsFor(view, lineage, { alias: 'f', item: 'f.fact', past }))
    .where(visibleTo(reader, 'f'))
    .selectAll('f')
    .select(['e.valid_to as ended_at', 'e.replaced_by'])
    .orderBy('f.from_pos', 'desc')
    .limit(limit);
  if (only?.length === 0) return [];
  if (only) query = query.where('f.fact', 'in', only);
  if (!past) query = query.where('f.valid_to', 'is', null);
  const rows = (await query.execute()).toReversed();
  if (rows.length === 0) return [];
  const sources = await db
    .selectFrom('fact_source')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(holdsFor(view, lineage, { alias: 'fact_source' }))
    .where(
      'fact',
      'in',
      rows.map(({ fact }) => fact),
    )
    .orderBy('from_pos')
    .execute();
  const byFact = Map.groupBy(sources, ({ fact }) => fact);
  return rows.map((row) => ({
    fact: row.fact,
    kind: row.kind,
    subject: row.subject,
    relation: row.relation,
    value: row.value,
    text: row.content,
    data: row.data,
    scope: { user: row.scope_user, agent: row.scope_agent, thread: row.scope_thread },
    confidence: row.confidence,
    trust: row.trust,
    validFrom: row.valid_from,
    validTo: row.ended_at ?? row.valid_to,
    expiresAt: row.expires_at,
    replaces: row.replaces,
    replacedBy: row.replaced_by,
    disputedWith: row.disputed_with,
    position: row.from_pos,
    sources: (byFact.get(row.fact) ?? []).map(({ turn, thread, quote, from_pos }) => ({
      ...{ turn, thread, quote, position: from_pos },
    })),
  }));
}
