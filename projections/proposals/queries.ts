import type { Selectable } from 'kysely';
import type { MemoryOutcome, Source, Trust } from '../../memory/events.ts';
import type { MemoryProposal } from '../../memory/reconcile.ts';
import type { Scope } from '../../memory/scope.ts';
import type { ViewDatabase, ViewReader } from '../read-views.ts';
import { heldAt } from '../read-views.ts';
import { scopeOfRow } from '../scope-columns.ts';
import { livesIn, visibleTo } from '../visible-to.ts';

/** A memory that waits for a person. */
export interface PendingRow extends Omit<MemoryProposal, 'source' | 'isAsked' | 'validTo'> {
  readonly proposal: string;
  readonly scope: Scope;
  readonly agent: string;
  readonly trust: Trust;
  readonly validTo: string | null;
  /** The user's own words ask for the retraction. */
  readonly isAsked: boolean;
  readonly contentHash: string;
  readonly expiresAt: string | null;
  readonly source: Source;
  readonly position: number;
}

/** What was decided about a memory that waited. */
export interface ProposalDecisionRow {
  readonly proposal: string;
  readonly decision: 'approve' | 'reject';
  readonly actor: string;
  readonly reason: string;
  /** What became of an approved one; null for one that was not. */
  readonly outcome: MemoryOutcome | null;
  readonly position: number;
}

/**
 * Memories that wait for a person, oldest first: those that a reader sees, of its own fork or, outside of forks, of none. What was
 * forgotten waits no more.
 */
export async function listPending(
  { db, tenant, position }: ViewReader,
  {
    scope,
    proposal,
    exactly = false,
    limit = 200,
  }: {
    /** @default all scopes, forks among them */
    readonly scope?: Scope;
    readonly proposal?: string;
    /** Only those that live in exactly this scope. @default false */
    readonly exactly?: boolean;
    readonly limit?: number;
  },
): Promise<PendingRow[]> {
  let query = db
    .selectFrom('memory_proposal')
    .selectAll()
    .where('tenant', '=', tenant)
    .where(heldAt(position, 'memory_proposal'))
    .where('content_hash', '<>', '')
    .orderBy('from_pos')
    .orderBy('proposal')
    .limit(limit);
  if (scope)
    query = query
      .where('fork', '=', scope.fork ?? '')
      .where(exactly ? livesIn(scope, 'memory_proposal') : visibleTo(scope, 'memory_proposal'));
  if (proposal !== undefined) query = query.where('proposal', '=', proposal);
  return (await query.execute()).map(toPending);
}

/** What was decided about one of them; undefined while it waits, and for none. */
export async function findProposalDecision(
  { db, tenant, position }: ViewReader,
  proposal: string,
): Promise<ProposalDecisionRow | undefined> {
  const row = await db
    .selectFrom('proposal_decision')
    .select(['proposal', 'decision', 'actor', 'reason', 'outcome', 'from_pos'])
    .where('tenant', '=', tenant)
    .where('proposal', '=', proposal)
    .where('from_pos', '<=', position)
    .executeTakeFirst();
  return (
    row && {
      ...{ proposal: row.proposal, actor: row.actor, reason: row.reason, position: row.from_pos },
      decision: row.decision as ProposalDecisionRow['decision'],
      outcome: row.outcome as MemoryOutcome | null,
    }
  );
}

function toPending(row: Selectable<ViewDatabase['memory_proposal']>): PendingRow {
  return {
    proposal: row.proposal,
    scope: scopeOfRow(row),
    agent: row.agent,
    action: row.action as PendingRow['action'],
    target: row.target,
    kind: row.kind,
    ...{ subject: row.subject, relation: row.relation, value: row.value, text: row.content },
    ...{ contentHash: row.content_hash, confidence: row.confidence, trust: row.trust as Trust },
    ...{ validFrom: row.valid_from, validTo: row.valid_to, isAsked: row.is_asked, expiresAt: row.expires_at },
    ...(row.data === null ? {} : { data: row.data }),
    ...(row.key_fields === null ? {} : { keyFields: row.key_fields }),
    source: { thread: row.thread, branch: row.branch, turn: row.turn, quote: row.quote },
    position: row.from_pos,
  };
}
