import type { Position } from '../eventstore/index.ts';
import { readForgottenAt, SubjectForgottenError } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { expiryOf } from '../memory/expiry.ts';
import type { MemoryProposal } from '../memory/reconcile.ts';
import { allAuto } from '../memory/write-tiers.ts';
import { decideTiers } from '../projections/decide-tiers.ts';
import type { DecidedWrite, WriteInput } from '../projections/decide-write.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { scrubber } from '../scrub/scrub.ts';
import type { ScrubPolicy } from '../scrub/scrub.ts';
import { putVectors } from '../projections/search/queries.ts';
import { textHash } from '../projections/search/projection.ts';
import type { ActivityDeps } from './deps.ts';

/** Decides proposals against what the scope holds now, and what the agent may write. */
export async function decideWrite(
  deps: ActivityDeps,
  tenant: number,
  {
    said,
    ...input
  }: Omit<WriteInput, 'expiresAt'> & {
    /** By whose agent, and when it was said (ISO 8601): how long it is recalled. */
    readonly said: { readonly agent: string; readonly at: string };
  },
): Promise<DecidedWrite> {
  const { kinds, ttl, scrub: policy, writes = allAuto } = deps.agents.get(said.agent)?.memory ?? {};
  const proposals = scrubProposals(input.proposals, policy);
  return readViews(deps.pool, tenant, (reader) =>
    decideTiers(reader, {
      ...{ ...input, proposals, writes, agent: said.agent },
      expiresAt: (kind) => expiryOf(ttl, kind, said.at),
      // An instruction has no end: feedback that has one stays feedback.
      instructs:
        writes.procedure === 'auto' &&
        kinds?.includes('procedure') === true &&
        expiryOf(ttl, 'feedback', said.at) === undefined,
    }),
  );
}

/** Proposals without what the agent does not store. Subjects and relations are names. */
function scrubProposals(
  proposals: readonly MemoryProposal[],
  policy: ScrubPolicy | null | undefined,
): readonly MemoryProposal[] {
  if (!policy) return proposals;
  const clean = scrubber(policy);
  return proposals.map((proposal) => ({
    ...proposal,
    ...{ subject: clean(proposal.subject), value: clean(proposal.value), text: clean(proposal.text) },
    source: { ...proposal.source, quote: clean(proposal.source.quote) },
  }));
}

/**
 * Attaches vectors to texts before the events that mention them, so that they are found by meaning as soon as they exist.
 * An embedder that fails costs the vectors, never the memory: it stays searchable by words, and the answer says so.
 */
export async function attachVectors(
  deps: ActivityDeps,
  tenant: number,
  {
    texts,
    origin,
    signal,
  }: {
    readonly texts: readonly string[];
    /** Whom the texts are about, and the position they were derived from. */
    readonly origin: { readonly subjects: readonly string[]; readonly readAt: Position };
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (texts.length === 0) return;
  try {
    const vectors = await deps.embedder.embed(texts, { signal });
    await putVectors(
      deps.pool,
      tenant,
      deps.embedder.model,
      vectors.map((vector, index) => ({ vector, textHash: textHash(texts[index] ?? '') })),
      origin,
    );
  } catch (error) {
    deps.log('warn', 'vectors were not attached', { error: String(error) });
  }
}

/** The texts of events that retrieval will look for. */
export function searchableTexts(events: readonly MemoryEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === 'FactAsserted' || event.type === 'ProcedureLearned' || event.type === 'ObservationDerived'
      ? [event.data.text]
      : [],
  );
}

/**
 * Throws SubjectForgottenError when one of the subjects was forgotten after the position: work that was asked for before ends there. Asked
 * in the snapshot that the work's context is read in; what happens later is for `readAt` of its command.
 */
export async function assertRemembered(
  { client }: ViewReader,
  {
    subjects,
    since,
    command,
  }: { readonly subjects: readonly string[]; readonly since: Position; readonly command: string },
): Promise<void> {
  const forgottenAt = await readForgottenAt(client, subjects);
  if (forgottenAt > since) throw new SubjectForgottenError(subjects.join(', '), command);
}
