import { defineView, optional, required } from '../../eventstore/index.ts';

/** Names that were merged, while they are: entities themselves are read from facts. */
export const entityMergeView = defineView({
  name: 'entity_merge',
  key: ['merge', 'fork'],
  columns: {
    merge: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    into_name: required('text'),
    names: required('text[]'),
    actor: required('text'),
    reason: required('text'),
  },
  indexes: ['(tenant, scope_user, from_pos)'],
});
