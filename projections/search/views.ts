import { defineView, optional, required } from '../../eventstore/index.ts';

/** Everything that can be recalled, in one searchable shape: facts that hold, current how-tos, rounds, chunks of documents. */
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
    /** Who said it; null for what is derived. */
    speaker: optional('text'),
    /** What a fact says; null for what is none. */
    subject: optional('text'),
    relation: optional('text'),
    object: optional('text'),
    text_hash: required('text'),
    trust: required('text'),
    said_at: required('timestamptz'),
    /** When it is recalled no more; null = never. */
    expires_at: optional('timestamptz'),
    thread: required('text'),
    turn: required('text'),
    /** The value of a fact of a kind of its author's own. */
    data: optional('jsonb'),
  },
  // What readers follow the log by (shelves.ts), shelf by shelf.
  indexes: [
    '(tenant, scope_user, from_pos)',
    '(tenant, scope_thread, from_pos) where scope_user is null',
    '(tenant, to_pos) where to_pos is not null',
    '(tenant, text_hash)',
  ],
});
