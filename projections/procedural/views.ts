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
    quote: required('text'),
  },
  indexes: ['(tenant, scope_user)'],
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
