import { defineView, optional, required } from '../../eventstore/index.ts';

/** How-tos in their current version; older versions are rows that ended. */
export const procedureView = defineView({
  name: 'procedure',
  key: ['procedure', 'fork'],
  columns: {
    procedure: required('text'),
    version: required('int'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    goal: required('text'),
    content: required('text'),
    content_hash: required('text'),
    trust: required('text'),
    valid_from: required('timestamptz'),
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    quote: required('text'),
    /** Tools in order, where it was learnt from calls that worked; null where somebody told it. */
    steps: optional('text[]'),
  },
  indexes: ['(tenant, scope_user)'],
});

/** Turns that vouch for versions that were learnt from calls that worked. */
export const procedureProofView = defineView({
  name: 'procedure_proof',
  key: ['procedure', 'version', 'turn'],
  columns: {
    procedure: required('text'),
    version: required('int'),
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    quote: required('text'),
  },
});

/** Versions that were rolled back; a row ends when the version stands again. */
export const procedureRollbackView = defineView({
  name: 'procedure_rollback',
  key: ['procedure', 'version', 'fork'],
  columns: {
    procedure: required('text'),
    version: required('int'),
    fork: required('text'),
    /** The version that stood then; 0 for none. */
    restored: required('int'),
    actor: required('text'),
    reason: required('text'),
  },
});

/** Steps in whose prompt a version of a how-to stood; what became of their turns is asked of `turn_end` and `tool_outcome`. */
export const procedureUseView = defineView({
  name: 'procedure_use',
  key: ['turn', 'step', 'procedure'],
  columns: {
    turn: required('text'),
    step: required('int'),
    procedure: required('text'),
    version: required('int'),
    fork: required('text'),
  },
  indexes: ['(tenant, procedure, from_pos)'],
});

/** What each tool call came to: the evidence for what works. */
export const toolOutcomeView = defineView({
  name: 'tool_outcome',
  key: ['turn', 'step', 'ordinal'],
  columns: {
    turn: required('text'),
    step: required('int'),
    ordinal: required('int'),
    thread: required('text'),
    branch: required('text'),
    tool: required('text'),
    outcome: required('text'),
    arguments: optional('jsonb'),
    result: required('text'),
    duration_ms: required('double precision'),
  },
  indexes: ['(tenant, tool, outcome)'],
});
