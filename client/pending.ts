import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { NewEvent } from '../eventstore/index.ts';
import type { MemoryEvent, MemoryOutcome } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { subjectsOf } from '../memory/subject.ts';
import { isProposer } from '../memory/write-tiers.ts';
import { decideProposals } from '../projections/decide-write.ts';
import { findProposalDecision, listPending } from '../projections/proposals/queries.ts';
import type { PendingRow, ProposalDecisionRow } from '../projections/proposals/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { isActor } from './actor.ts';
import { InvalidDecisionError } from './client-errors.ts';
import { ProposalNotFoundError, ProposerApprovesError } from './memory-errors.ts';
import type { ClientContext } from './send-turn.ts';

/** Who decides about a memory that waits, and why. */
export interface DecidedBy {
  readonly actor: string;
  readonly reason: string;
}

/** How a memory that waited was decided. */
export interface PendingDecision extends ProposalDecisionRow {
  /** True when this caller's decision is the one that stands; false when somebody decided otherwise before. */
  readonly applied: boolean;
}

/**
 * Decides about a memory that waits for a person. An approved one is decided against what is known now, by the command that records the
 * decision: both or neither. The first decision stands, whoever asks; later callers get that one. Throws ProposalNotFoundError,
 * ProposerApprovesError, InvalidDecisionError and the errors of the store.
 */
export async function decidePending(
  context: ClientContext,
  proposal: string,
  { decision, actor, reason }: DecidedBy & { readonly decision: 'approve' | 'reject' },
): Promise<PendingDecision> {
  if (!isActor(actor) || typeof reason !== 'string')
    throw new InvalidDecisionError(
      'A decision needs an actor of 1 to 200 plain characters, and a reason.',
      'Say who decides (`--actor`), and why (`--reason`).',
    );
  const tenant = await context.store.tenantNumber(context.tenant);
  const stream = streams.proposal(proposal);
  const id = commands.proposalDecision(proposal);
  for (;;) {
    const { decided, pending, write, readAt } = await readViews(context.pool, tenant, async (reader) => {
      const decided = await findProposalDecision(reader, proposal);
      const [pending] = decided ? [] : await listPending(reader, { proposal });
      const write = pending && decision === 'approve' ? await decide(reader, pending, id) : null;
      return { decided, pending, write, readAt: reader.position };
    });
    if (decided) return { ...decided, applied: decided.actor === actor && decided.decision === decision };
    if (!pending) throw new ProposalNotFoundError(proposal);
    const { scope, agent, source } = pending;
    if (decision === 'approve' && isProposer(actor, { agent, turn: source.turn, user: scope.user }))
      throw new ProposerApprovesError(proposal, actor);
    const outcome: MemoryOutcome | null = write?.outcomes[0] ?? null;
    const made: NewEvent<MemoryEvent> = {
      ...{ type: 'ProposalDecided', stream, subjects: subjectsOf(scope) },
      data: { proposal, scope, decision, actor, reason, outcome },
    };
    try {
      await context.store.append(context.tenant, {
        id,
        streams: [
          { name: stream, expectedVersion: 'none', seal: true },
          ...(write && write.events.length > 0 ? [{ name: write.stream, expectedVersion: write.expectedVersion }] : []),
        ],
        events: [...(write?.events ?? []), made],
        // Of a user who was forgotten meanwhile nothing comes back.
        readAt,
        meta: { actor },
      });
    } catch (error) {
      // Somebody wrote to the scope since: decided again, against what is known then.
      if (!(error instanceof ExpectedVersionConflictError)) throw error;
    }
  }
}

/** Memories that wait, as a client reads them, and the decisions about them. */
export interface PendingMemories {
  /** Memories that agents would like to write and that wait for a person, oldest first. */
  pending(request: Parameters<typeof readPending>[1]): Promise<PendingRow[]>;
  /** Writes one, as far as what is known now lets it. Nobody approves what came from them. */
  approvePending(proposal: string, by: DecidedBy): Promise<PendingDecision>;
  /** Has one not written. */
  rejectPending(proposal: string, by: DecidedBy): Promise<PendingDecision>;
}

/** Gives the memories of a client's tenant that wait. */
export function createPendingMemories(context: ClientContext): PendingMemories {
  return {
    pending: (request) => readPending(context, request),
    approvePending: (proposal, by) => decidePending(context, proposal, { ...by, decision: 'approve' }),
    rejectPending: (proposal, by) => decidePending(context, proposal, { ...by, decision: 'reject' }),
  };
}

async function readPending(
  context: ClientContext,
  { scope, limit }: { readonly scope: PendingRow['scope']; /** @default 200 */ readonly limit?: number },
): Promise<PendingRow[]> {
  return readViews(context.pool, await context.store.tenantNumber(context.tenant), (reader) =>
    listPending(reader, { scope, ...(limit === undefined ? {} : { limit }) }),
  );
}

function decide(
  reader: Parameters<typeof decideProposals>[0],
  pending: PendingRow,
  key: string,
): ReturnType<typeof decideProposals> {
  const { scope, trust, expiresAt } = pending;
  return decideProposals(reader, {
    ...{ scope, trust, key, proposals: [pending] },
    expiresAt: () => expiresAt ?? undefined,
  });
}
