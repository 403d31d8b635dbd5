import { defineView, optional, required } from '../../eventstore/index.ts';

/** Memories that wait for a person. Times are texts: they are a model's, and only reconcile reads them. */
export const memoryProposalView = defineView({
  name: 'memory_proposal',
  key: ['proposal'],
  columns: {
    proposal: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    agent: required('text'),
    action: required('text'),
    target: optional('text'),
    kind: required('text'),
    subject: required('text'),
    relation: required('text'),
    value: required('text'),
    content: required('text'),
    content_hash: required('text'),
    confidence: required('double precision'),
    trust: required('text'),
    valid_from: required('text'),
    valid_to: optional('text'),
    is_asked: required('boolean'),
    expires_at: optional('text'),
    data: optional('jsonb'),
    key_fields: optional('text[]'),
    thread: required('text'),
    branch: required('text'),
    turn: required('text'),
    quote: required('text'),
  },
  indexes: ['(tenant, scope_user, from_pos)'],
});

/** What was decided about them. */
export const proposalDecisionView = defineView({
  name: 'proposal_decision',
  key: ['proposal'],
  columns: {
    proposal: required('text'),
    decision: required('text'),
    actor: required('text'),
    reason: required('text'),
    outcome: optional('jsonb'),
  },
});
