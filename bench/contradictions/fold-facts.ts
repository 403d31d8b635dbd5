import type { MemoryEvent } from '../../memory/events.ts';
import type { KnownFact } from '../../memory/reconcile.ts';

/** A fact as the events of a log leave it. */
export interface FoldedFact extends KnownFact {
  readonly validTo: string | null;
  /** Somebody took it back. */
  readonly retracted: boolean;
  readonly sources: number;
}

/** What events make of facts, in the order of their assertion: what the semantic views hold, without a database. */
export function foldFacts(events: readonly MemoryEvent[]): FoldedFact[] {
  const facts = new Map<string, FoldedFact>();
  const change = (id: string, to: (fact: FoldedFact) => Partial<FoldedFact>): void => {
    const fact = facts.get(id);
    if (fact) facts.set(id, { ...fact, ...to(fact) });
  };
  for (const { type, data } of events) {
    if (type === 'FactAsserted') {
      const { fact, kind, subject, relation, value, text, contentHash, trust, validFrom, validTo } = data;
      const words = { subject, relation, value, text, contentHash };
      facts.set(fact, { fact, kind, ...words, trust, validFrom, validTo, retracted: false, sources: 1 });
    } else if (type === 'FactConfirmed') change(data.fact, ({ sources }) => ({ sources: sources + 1 }));
    else if (type === 'FactSuperseded') change(data.fact, () => ({ validTo: data.validTo }));
    else if (type === 'FactRetracted') change(data.fact, () => ({ validTo: data.validTo, retracted: true }));
  }
  return [...facts.values()];
}

/** What a write is reconciled against: the facts that hold, and those that held and were not taken back. */
export function knownFrom(facts: readonly FoldedFact[]): KnownFact[] {
  return facts.filter(({ retracted }) => !retracted);
}
