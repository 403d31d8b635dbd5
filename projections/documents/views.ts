import { defineView, optional, required } from '../../eventstore/index.ts';

/** Documents in their current version; older versions are rows that ended. */
export const storedDocumentView = defineView({
  name: 'stored_document',
  key: ['document'],
  columns: {
    document: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    source: required('text'),
    title: optional('text'),
    mime_type: optional('text'),
    content_hash: required('text'),
    length: required('int'),
    chunks: required('int'),
    occurred_at: required('timestamptz'),
  },
  indexes: ['(tenant, scope_user, from_pos)'],
});

/** Where each chunk stands in its document. Its words are a memory_document. */
export const documentChunkView = defineView({
  name: 'document_chunk',
  key: ['chunk'],
  columns: {
    chunk: required('text'),
    document: required('text'),
    source: required('text'),
    content_hash: required('text'),
    ordinal: required('int'),
    start_at: required('int'),
    end_at: required('int'),
    section: required('text'),
  },
  indexes: ['(tenant, document)'],
});
