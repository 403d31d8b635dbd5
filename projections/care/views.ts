import { defineView, optional, required } from '../../eventstore/index.ts';

/** Runs of consolidation over a scope, when they ended. */
export const consolidationView = defineView({
  name: 'consolidation',
  key: ['run'],
  columns: {
    run: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    outcome: required('text'),
    reason: optional('text'),
    counts: required('jsonb'),
    facts: required('int'),
    problems: required('text[]'),
  },
  indexes: ['(tenant, scope_user, from_pos)'],
});

/** Runs that were undone. */
export const consolidationUndoView = defineView({
  name: 'consolidation_undo',
  key: ['run'],
  columns: {
    run: required('text'),
    actor: required('text'),
    restored: required('text[]'),
    withdrawn: required('text[]'),
    remaining: required('jsonb'),
  },
});

/** What was undone once, and is not done again. */
export const undoneItemView = defineView({
  name: 'undone_item',
  key: ['item'],
  columns: {
    item: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
  },
});

/** The facts that observations rest on. */
export const observationEvidenceView = defineView({
  name: 'observation_evidence',
  key: ['observation', 'fact'],
  columns: { observation: required('text'), fact: required('text') },
});

/** Sessions in short. */
export const sessionView = defineView({
  name: 'session',
  key: ['thread', 'branch'],
  columns: {
    thread: required('text'),
    branch: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    title: required('text'),
    summary: required('text'),
    rounds: required('int'),
    up_to: required('bigint'),
    began_at: required('timestamptz'),
    ended_at: required('timestamptz'),
    by: required('text'),
    trust: optional('text'),
    run: required('text'),
  },
  indexes: ['(tenant, scope_user, began_at)'],
});
