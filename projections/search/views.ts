import { defineView, optional, required } from '../../eventstore/index.ts';

/** Everything that can be recalled, in one searchable shape: facts that hold, current how-tos, rounds. */
export const documentView = defineView({
  name: 'memory_document',
  key: ['id', 'fork'],
  columns: {
    id: required('text'),
    kind: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    content: required('text'),
    text_hash: required('text'),
    trust: required('text'),
    said_at: required('timestamptz'),
    thread: required('text'),
    turn: required('text'),
  },
  // A tsvector may hold 1 MB: index the head of a huge text rather than refuse the memory.
  generated: { terms: `tsvector generated always as (to_tsvector('english', left(content, 20000))) stored` },
  indexes: ['(tenant, scope_user, kind)', '(tenant, scope_thread)', '(tenant, text_hash)'],
});
