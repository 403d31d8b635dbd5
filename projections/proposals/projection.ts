import { close, open } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { scopeColumns } from '../scope-columns.ts';
import { memoryProposalView, proposalDecisionView } from './views.ts';

/** Memories that wait for a person, and what was decided about them. */
export const proposalsProjection: Projection<MemoryEvent> = {
  name: 'proposals',
  version: 2,
  views: [memoryProposalView, proposalDecisionView],
  project({ type, data }) {
    switch (type) {
      case 'MemoryProposed':
        return open(memoryProposalView, {
          ...{ proposal: data.proposal, ...scopeColumns(data.scope), agent: data.agent },
          ...{ action: data.action, target: data.target, kind: data.kind },
          ...{ subject: data.subject, relation: data.relation, value: data.value, content: data.text },
          ...{ content_hash: data.contentHash, confidence: data.confidence, trust: data.trust },
          ...{ valid_from: data.validFrom, valid_to: data.validTo, is_asked: data.isAsked },
          expires_at: data.expiresAt ?? null,
          ...{ data: data.data ?? null, key_fields: data.keyFields ?? null },
          ...{ thread: data.source.thread, branch: data.source.branch, turn: data.source.turn },
          quote: data.source.quote,
        });
      case 'ProposalDecided': {
        const { proposal, decision, actor, reason, outcome } = data;
        return [
          ...close(memoryProposalView, { proposal }),
          ...open(proposalDecisionView, { proposal, decision, actor, reason, outcome }),
        ];
      }
      default:
        return [];
    }
  },
};
