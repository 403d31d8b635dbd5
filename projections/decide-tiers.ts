import { sha256 } from './digest.ts';
import type { MemoryEvent, MemoryOutcome } from '../memory/events.ts';
import type { MemoryProposal } from '../memory/reconcile.ts';
import { factHash, procedureHash } from '../memory/reconcile.ts';
import { subjectsOf } from '../memory/subject.ts';
import { lessTrusted } from '../memory/trust.ts';
import { tierOf } from '../memory/write-tiers.ts';
import type { WriteTier, WriteTiers } from '../memory/write-tiers.ts';
import { decideProposals } from './decide-write.ts';
import type { DecidedWrite, WriteInput } from './decide-write.ts';
import { listPending } from './proposals/queries.ts';
import type { ViewReader } from './read-views.ts';

/** What an agent would like to write, and what its policy lets it. */
export interface TieredInput extends WriteInput {
  readonly agent: string;
  readonly writes: WriteTiers;
}

/**
 * Decides proposals as `decideProposals` does, each by the tier of its kind: some are written, some wait for a person, some are refused.
 * What waits is an event of the scope's memory stream, so that of two writers who see the same content one has it wait. Gives one outcome
 * per proposal, in order.
 */
export async function decideTiers(reader: ViewReader, input: TieredInput): Promise<DecidedWrite> {
  const { writes, proposals } = input;
  const isOf = (tier: WriteTier): MemoryProposal[] => proposals.filter(({ kind }) => tierOf(writes, kind) === tier);
  const [now, later] = [isOf('auto'), isOf('queue')];
  const write = await decideProposals(reader, { ...input, proposals: now });
  if (now.length === proposals.length) return write;
  const wait = later.length === 0 ? { outcomes: [], events: [] } : await decideWaiting(reader, input, later);
  const outcomes = { now: write.outcomes[Symbol.iterator](), later: wait.outcomes[Symbol.iterator]() };
  return {
    ...write,
    events: [
      ...write.events,
      ...wait.events.map((event) => ({ ...event, stream: write.stream, subjects: subjectsOf(input.scope) })),
    ],
    outcomes: proposals.map((proposal): MemoryOutcome => {
      const tier = tierOf(writes, proposal.kind);
      const decided = tier === 'block' ? undefined : (tier === 'queue' ? outcomes.later : outcomes.now).next().value;
      return decided ?? refused(proposal);
    }),
  };
}

async function decideWaiting(
  reader: ViewReader,
  input: TieredInput,
  proposals: readonly MemoryProposal[],
): Promise<{ readonly outcomes: MemoryOutcome[]; readonly events: MemoryEvent[] }> {
  const { scope, agent, key, expiresAt } = input;
  const waiting = new Map(
    (await listPending(reader, { scope, exactly: true, limit: 10_000 })).map((row) => [same(row), row.proposal]),
  );
  const outcomes: MemoryOutcome[] = [];
  const events: MemoryEvent[] = [];
  for (const [ordinal, proposal] of proposals.entries()) {
    const text = proposal.text.trim();
    const contentHash = hashOf(proposal);
    const known = waiting.get(same({ ...proposal, contentHash }));
    if (known !== undefined) {
      outcomes.push({ outcome: 'pending', id: known, text, reason: 'not stored: the same waits for a person already' });
      continue;
    }
    // What could not be written now, or is known, is nothing that a person has to look at.
    const { outcomes: would } = await decideProposals(reader, { ...input, proposals: [proposal] });
    const [now] = would;
    if (now?.outcome === 'rejected') {
      outcomes.push(now);
      continue;
    }
    if (now?.outcome === 'duplicate') {
      outcomes.push({ ...now, reason: 'known already; nothing was written' });
      continue;
    }
    const id = `p-${sha256(`${key}/proposal/${ordinal}`).slice(0, 16)}`;
    waiting.set(same({ ...proposal, contentHash }), id);
    const { action, target, kind, subject, relation, value, confidence, validFrom, validTo = null, source } = proposal;
    const { data, keyFields } = proposal;
    // An approval must not raise what it may rest on.
    const trust = proposal.trust === undefined ? input.trust : lessTrusted(input.trust, proposal.trust);
    const expires = kind === 'procedure' ? undefined : expiresAt?.(kind);
    events.push({
      type: 'MemoryProposed',
      data: {
        ...{ proposal: id, scope, agent, action, target, kind, subject, relation, value, text, contentHash },
        ...{ confidence, trust, validFrom, validTo, isAsked: proposal.isAsked ?? false, source },
        ...(expires === undefined ? {} : { expiresAt: expires }),
        ...(data === undefined ? {} : { data }),
        ...(keyFields === undefined ? {} : { keyFields }),
      },
    });
    const reason = `not stored: it waits for a person (${now?.reason ?? 'new'})`;
    outcomes.push({ outcome: 'pending', id, text, reason });
  }
  return { outcomes, events };
}

function refused({ kind, text }: MemoryProposal): MemoryOutcome {
  return { outcome: 'rejected', id: null, text, reason: `not stored: the agent may not write a ${kind}` };
}

function same(one: { readonly action: string; readonly target: string | null; readonly contentHash: string }): string {
  return `${one.action} ${one.target ?? ''} ${one.contentHash}`;
}

function hashOf(proposal: MemoryProposal): string {
  const { kind, value, text } = proposal;
  return kind === 'procedure'
    ? procedureHash({ goal: value.trim() || text.trim(), text }, sha256)
    : factHash(proposal, sha256);
}
