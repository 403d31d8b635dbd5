import { sql } from 'kysely';
import type { Selectable } from 'kysely';
import type { CareCounts, LeftAlone } from '../../memory/care-events.ts';
import type { Source, Trust } from '../../memory/events.ts';
import type { CaredFact } from '../../memory/consolidate/near-duplicates.ts';
import type { ObservationProof, OpenSession } from '../../memory/consolidate/plan.ts';
import type { SaidLine } from '../../memory/consolidate/summarise.ts';
import type { Scope } from '../../memory/scope.ts';
import { lessTrusted } from '../../memory/trust.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';
import { toKnownFact } from '../semantic/known-fact.ts';
import { scopeOfRow } from '../scope-columns.ts';
import { livesIn, visibleTo } from '../visible-to.ts';

/** Facts that hold in exactly this scope, outside of forks, oldest first, with their sources. */
export async function readCaredFacts({ db, tenant, position }: ViewReader, scope: Scope): Promise<CaredFact[]> {
  const rows = await db
    .selectFrom('fact')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('fork', '=', '')
    .where(livesIn(scope, 'fact'))
    .where(heldAt(position, 'fact'))
    .where('valid_to', 'is', null)
    .where('content_hash', '<>', '')
    .orderBy('from_pos')
    .orderBy('fact')
    .execute();
  if (rows.length === 0) return [];
  const sources = await db
    .selectFrom('fact_source')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('fork', '=', '')
    .where(heldAt(position, 'fact_source'))
    .where(sql<boolean>`fact = any (${rows.map(({ fact }) => fact)})`)
    .orderBy('from_pos')
    .orderBy('turn')
    .execute();
  const byFact = Map.groupBy(sources, ({ fact }) => fact);
  return rows.map((row) => ({
    ...toKnownFact(row),
    confidence: row.confidence,
    disputedWith: row.disputed_with,
    expiresAt: row.expires_at?.toISOString() ?? null,
    position: row.from_pos,
    sources: (byFact.get(row.fact) ?? []).map(({ thread, branch, turn, quote }): Source => ({
      thread,
      branch,
      turn,
      quote,
    })),
  }));
}

/** Observations that hold in exactly this scope, with how many of their facts do, merged ones counted where they went. */
export async function readObservationProofs(
  { client, tenant, position }: ViewReader,
  scope: Scope,
): Promise<ObservationProof[]> {
  const { rows } = await client.query<ObservationProof>({
    name: 'holdfast_observation_proofs',
    text: `select o.fact as observation, (select count(*)::int from holdfast.observation_evidence e
        where e.tenant = $1 and e.observation = o.fact and e.from_pos <= $2 and exists (
          with recursive went (fact, depth) as (
            select e.fact, 0
            union all
            select f.replaced_by, w.depth + 1 from went w join holdfast.fact_end f
              on f.tenant = $1 and f.fact = w.fact and f.fork = '' and f.reason = 'merged'
              and f.from_pos <= $2 and (f.to_pos is null or f.to_pos > $2)
            where w.depth < 100)
          select from went w join holdfast.fact h on h.tenant = $1 and h.fact = w.fact and h.fork = ''
            and h.valid_to is null and h.from_pos <= $2 and (h.to_pos is null or h.to_pos > $2))) as holding
      from holdfast.fact o
      where o.tenant = $1 and o.kind = 'observation' and o.fork = '' and o.from_pos <= $2 and (o.to_pos is null or o.to_pos > $2)
        and o.scope_user is not distinct from $3 and o.scope_agent is not distinct from $4 and o.scope_thread is not distinct from $5
      order by o.from_pos, o.fact`,
    values: [tenant, position, scope.user ?? null, scope.agent ?? null, scope.thread ?? null],
  });
  return rows;
}

/** Digests of the observations that there are or ever were in exactly this scope. */
export async function readObservationHashes({ db, tenant, position }: ViewReader, scope: Scope): Promise<string[]> {
  const rows = await db
    .selectFrom('fact')
    .select('content_hash')
    .distinct()
    .where('tenant', '=', tenant)
    .where('kind', '=', 'observation')
    .where('from_pos', '<=', position)
    .where(livesIn(scope, 'fact'))
    .execute();
  return rows.map(({ content_hash }) => content_hash);
}

/** Sessions of exactly this scope with at least two rounds, of which some came after their summary; oldest first. */
export async function readOpenSessions({ db, tenant, position }: ViewReader, scope: Scope): Promise<OpenSession[]> {
  return db
    .selectFrom('round as r')
    .leftJoin('session as s', (join) =>
      join
        .onRef('s.tenant', '=', 'r.tenant')
        .onRef('s.thread', '=', 'r.thread')
        .onRef('s.branch', '=', 'r.branch')
        .on(heldAt(position, 's')),
    )
    .where('r.tenant', '=', tenant)
    .where('r.fork', '=', '')
    .where('r.from_pos', '<=', position)
    .where(livesIn(scope, 'r'))
    .groupBy(['r.thread', 'r.branch', 's.up_to'])
    .having((eb) => eb(eb.fn.countAll<number>(), '>=', 2))
    .having(sql<boolean>`max(r.from_pos) > coalesce(s.up_to, 0)`)
    .select(['r.thread', 'r.branch', sql<number>`max(r.from_pos)`.as('upTo')])
    .orderBy('upTo')
    .orderBy('r.thread')
    .execute();
}

/** A session as it was said, up to a position. */
export interface SessionWords {
  readonly lines: readonly SaidLine[];
  readonly rounds: number;
  /** When its rounds were said; the epoch when there is none. */
  readonly beganAt: Date;
  readonly endedAt: Date;
  /** The least trusted of what was said: the user's words, a model's, and what those may rest on. */
  readonly trust: Trust;
}

/** What was said in a session of exactly this scope, in order; the newest 400 rounds. */
export async function readSessionWords(
  { db, tenant, position }: ViewReader,
  { scope, thread, branch, upTo }: OpenSession & { readonly scope: Scope },
): Promise<SessionWords> {
  const newest = await db
    .selectFrom('round')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('fork', '=', '')
    .where('thread', '=', thread)
    .where('branch', '=', branch)
    .where('from_pos', '<=', Math.min(upTo, position))
    .where(livesIn(scope, 'round'))
    .orderBy('from_pos', 'desc')
    .orderBy('round', 'desc')
    .limit(400)
    .execute();
  const rounds = newest.toReversed();
  const times = rounds.map(({ occurred_at }) => occurred_at.getTime());
  return {
    rounds: rounds.length,
    beganAt: new Date(times.length === 0 ? 0 : Math.min(...times)),
    endedAt: new Date(times.length === 0 ? 0 : Math.max(...times)),
    trust: rounds.reduce<Trust>(
      (least, { reply, heard }) =>
        reply === null
          ? least
          : lessTrusted(least, lessTrusted('model_inference', (heard ?? 'model_inference') as Trust)),
      'direct_user',
    ),
    lines: rounds.flatMap(({ speaker, message, reply_speaker, reply }) => [
      { speaker, text: message },
      ...(reply === null ? [] : [{ speaker: reply_speaker ?? 'assistant', text: reply }]),
    ]),
  };
}

/** What was undone in exactly this scope, and is not done again. */
export async function readUndoneItems({ db, tenant, position }: ViewReader, scope: Scope): Promise<string[]> {
  const rows = await db
    .selectFrom('undone_item')
    .select('item')
    .where('tenant', '=', tenant)
    .where('from_pos', '<=', position)
    .where(livesIn(scope, 'undone_item'))
    .orderBy('item')
    .execute();
  return rows.map(({ item }) => item);
}

/** A session in short. */
export type SessionRow = Omit<Selectable<ViewDatabase['session']>, 'tenant' | 'to_pos'>;

/** Sessions that a reader sees, with title and summary, newest first. */
export async function listSessions(
  { db, tenant, position }: ViewReader,
  { scope, limit = 100 }: { readonly scope: Scope; readonly limit?: number },
): Promise<SessionRow[]> {
  return db
    .selectFrom('session')
    .select(['thread', 'branch', 'scope_user', 'scope_agent', 'scope_thread', 'title', 'summary', 'rounds', 'up_to'])
    .select(['began_at', 'ended_at', 'by', 'trust', 'run', 'from_pos'])
    .where('tenant', '=', tenant)
    .where(heldAt(position, 'session'))
    .where(visibleTo(scope, 'session'))
    .orderBy('began_at', 'desc')
    .orderBy('thread')
    .limit(limit)
    .execute();
}

/** A run of consolidation as it ended. */
export interface ConsolidationRow {
  readonly run: string;
  readonly scope: Scope;
  /** `refused`: a guard stopped it before it did anything. */
  readonly outcome: 'done' | 'refused';
  readonly reason: string | null;
  readonly counts: CareCounts;
  /** Facts that held when it began. */
  readonly facts: number;
  readonly problems: readonly string[];
  readonly position: number;
  /** Null while it stands. */
  readonly undone: {
    readonly actor: string;
    readonly restored: readonly string[];
    readonly withdrawn: readonly string[];
    readonly left: readonly LeftAlone[];
  } | null;
}

/** Runs of consolidation, newest first; of one user's scopes, or one run, where that is asked for. */
export async function listConsolidations(
  { db, tenant, position }: ViewReader,
  { run, user, limit = 100 }: { readonly run?: string; readonly user?: string; readonly limit?: number } = {},
): Promise<ConsolidationRow[]> {
  let query = db
    .selectFrom('consolidation as c')
    .leftJoin('consolidation_undo as u', (join) =>
      join.onRef('u.tenant', '=', 'c.tenant').onRef('u.run', '=', 'c.run').on('u.from_pos', '<=', position),
    )
    .where('c.tenant', '=', tenant)
    .where('c.from_pos', '<=', position)
    .selectAll('c')
    .select(['u.actor', 'u.restored', 'u.withdrawn', 'u.remaining'])
    .orderBy('c.from_pos', 'desc')
    .limit(limit);
  if (run !== undefined) query = query.where('c.run', '=', run);
  if (user !== undefined) query = query.where('c.scope_user', '=', user);
  const rows = await query.execute();
  return rows.map((row) => ({
    run: row.run,
    scope: scopeOfRow(row),
    outcome: row.outcome as ConsolidationRow['outcome'],
    reason: row.reason,
    counts: { learnt: 0, proven: 0, ...(row.counts as CareCounts) },
    facts: row.facts,
    problems: row.problems,
    position: row.from_pos,
    undone:
      row.actor === null
        ? null
        : {
            actor: row.actor,
            restored: row.restored ?? [],
            withdrawn: row.withdrawn ?? [],
            left: row.remaining as readonly LeftAlone[],
          },
  }));
}

/** Position of the last run over exactly this scope, 0 when there was none. */
export async function readLastConsolidation({ db, tenant, position }: ViewReader, scope: Scope): Promise<number> {
  const row = await db
    .selectFrom('consolidation')
    .select((eb) => eb.fn.max<number | null>('from_pos').as('last'))
    .where('tenant', '=', tenant)
    .where('from_pos', '<=', position)
    .where('outcome', '=', 'done')
    .where(livesIn(scope, 'consolidation'))
    .executeTakeFirst();
  return row?.last ?? 0;
}

/** Users of whom something was learnt or said since the last run over their scope, or of whom a fact has expired; in order of name. */
export async function listUsersToConsolidate(
  { client, tenant, position }: ViewReader,
  { now, after = '', limit = 500 }: { readonly now: Date; readonly after?: string; readonly limit?: number },
): Promise<string[]> {
  const { rows } = await client.query<{ user: string }>({
    name: 'holdfast_users_to_consolidate',
    text: `with heard as (
        select scope_user, max(from_pos) as newest, min(expires_at) filter (where to_pos is null) as expires
          from holdfast.fact where tenant = $1 and scope_user is not null and scope_agent is null and scope_thread is null
            and fork = '' and from_pos <= $2 and scope_user > $4 group by scope_user
        union all
        select scope_user, max(from_pos), null from holdfast.round where tenant = $1 and scope_user is not null
            and scope_agent is null and scope_thread is null and fork = '' and from_pos <= $2 and scope_user > $4 group by scope_user),
      tended as (select scope_user, max(from_pos) as position from holdfast.consolidation where tenant = $1 and from_pos <= $2
            and scope_agent is null and scope_thread is null group by scope_user)
      select h.scope_user as "user" from heard h left join tended t using (scope_user)
      group by h.scope_user, t.position
      having max(h.newest) > coalesce(t.position, 0) or min(h.expires) <= $3
      order by h.scope_user limit $5`,
    values: [tenant, position, now, after, limit],
  });
  return rows.map(({ user }) => user);
}
