import type { MemoryEvent, Source } from '../../memory/events.ts';
import type { Scope } from '../../memory/scope.ts';

/** A memory of a person that waits for a decision. */
export function proposed(proposal: string, scope: Scope, text: string, source: Source): MemoryEvent {
  return {
    type: 'MemoryProposed',
    data: {
      ...{ proposal, scope, agent: 'a', action: 'assert', target: null, kind: 'fact', subject: 'user' },
      ...{ relation: 'likes', value: text, text, contentHash: `hash ${proposal}`, confidence: 0.9 },
      ...{ trust: 'direct_user', validFrom: '2026-01-01T00:00:00Z', validTo: null, isAsked: false, source },
      ...(proposal.endsWith('waits') ? { data: { drink: text }, keyFields: ['drink'] } : {}),
    },
  };
}

/** Memories that wait: one that still does, one that was approved, one that was not. */
export function writesOf({
  mark,
  scope,
  commit,
}: {
  readonly mark: string;
  readonly scope: Scope;
  readonly commit: (id: string, ...events: readonly MemoryEvent[]) => void;
}): void {
  const source: Source = { thread: `${mark}-thread-0`, branch: 'main', turn: `${mark}-0`, quote: `words of ${mark}` };
  const ids = ['waits', 'approve', 'reject'] as const;
  commit(`${mark}-proposed`, ...ids.map((id) => proposed(`${mark}-${id}`, scope, `Tea of ${mark} ${id}`, source)));
  for (const decision of ['approve', 'reject'] as const)
    commit(`${mark}-decided-${decision}`, {
      type: 'ProposalDecided',
      data: {
        ...{ proposal: `${mark}-${decision}`, scope, decision, actor: 'lead', reason: `as ${mark} said` },
        outcome:
          decision === 'reject'
            ? null
            : { outcome: 'stored', id: `${mark}-0-fact`, text: `Tea of ${mark}`, reason: 'new' },
      },
    });
}
