import type { EventStore } from '../../eventstore/index.ts';
import type { FactAsserted, MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { factHash } from '../../memory/reconcile.ts';
import type { Scope } from '../../memory/scope.ts';
import { subjectsOf } from '../../memory/subject.ts';

/** A fact to be put in a log: what it says, and what is otherwise than usual about it. */
export type GivenFact = Pick<FactAsserted['data'], 'fact' | 'text'> & Partial<FactAsserted['data']>;

/** Puts facts into a scope, each by a turn of its own, as an extraction would: on the scope's stream of memory. */
export async function assertFacts(
  store: EventStore<MemoryEvent>,
  { scope, facts, tenant = 'default' }: { scope: Scope; facts: readonly GivenFact[]; tenant?: string },
): Promise<void> {
  for (const given of facts) {
    const { fact, text } = given;
    const said = { subject: 'user', relation: 'likes', value: text, text };
    const data: FactAsserted['data'] = {
      ...said,
      ...{ scope, kind: 'preference', confidence: 0.8, trust: 'direct_user', validFrom: '2026-03-01T00:00:00.000Z' },
      ...{ validTo: null, replaces: null, disputedWith: null },
      source: { thread: 'talk', branch: 'main', turn: `turn of ${fact}`, quote: text },
      ...given,
      contentHash: factHash({ ...said, ...given }, (whole) => `${fact} ${whole}`),
    };
    const stream = streams.memory(scope);
    await store.append(tenant, {
      id: `given/${fact}`,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: [{ type: 'FactAsserted', stream, subjects: subjectsOf(scope), data }],
    });
  }
}
