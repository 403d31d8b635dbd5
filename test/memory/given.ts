import type { MemoryOutcome, Trust } from '../../memory/events.ts';
import type { KnownFact, KnownProcedure, MemoryProposal, ReconcileResult } from '../../memory/reconcile.ts';
import { factHash, reconcile } from '../../memory/reconcile.ts';

/** Any digest will do: the text itself shows in a failure what was compared. */
export const hash = (text: string): string => `#${text}`;

/** A fact that holds. */
export function known(fact: string, change: Partial<KnownFact> = {}): KnownFact {
  const { subject = 'user', relation = 'lives_in', value = 'Lisbon', text = `The user: ${value}.` } = change;
  return {
    fact,
    kind: 'fact',
    subject,
    relation,
    value,
    text,
    contentHash: factHash({ subject, relation, value, text }, hash),
    trust: 'direct_user',
    validFrom: '2026-03-01T00:00:00.000Z',
    ...change,
  };
}

/** A proposal to store something. */
export function proposal(change: Partial<MemoryProposal> = {}): MemoryProposal {
  const { value = 'Oslo' } = change;
  return {
    action: 'assert',
    target: null,
    kind: 'fact',
    subject: 'user',
    relation: 'lives_in',
    value,
    text: `The user: ${value}.`,
    confidence: 0.8,
    validFrom: '2026-04-01T00:00:00.000Z',
    source: { thread: 't', branch: 'main', turn: 't1', quote: 'words' },
    ...change,
  };
}

/** Given what is known, when proposals are made, then this is decided. */
export function decide(
  given: {
    readonly facts?: readonly KnownFact[];
    readonly procedures?: readonly KnownProcedure[];
    readonly trust?: Trust;
  },
  ...when: readonly MemoryProposal[]
): ReconcileResult & { readonly said: readonly (readonly [MemoryOutcome['outcome'], string | null])[] } {
  const result = reconcile({
    scope: { user: 'ana' },
    trust: given.trust ?? 'direct_user',
    facts: given.facts ?? [],
    procedures: given.procedures ?? [],
    proposals: when,
    hash,
    newId: (ordinal) => `new-${ordinal}`,
  });
  return { ...result, said: result.outcomes.map(({ outcome, id }) => [outcome, id]) };
}
