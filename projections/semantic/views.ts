import { defineView, optional, required } from '../../eventstore/index.ts';

/** Facts, while they hold: a superseded or retracted fact's row ends at the event that ended it. */
export const factView = defineView({
  name: 'fact',
  key: ['fact', 'fork'],
  columns: {
    fact: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    kind: required('text'),
    subject: required('text'),
    relation: required('text'),
    value: required('text'),
    content: required('text'),
    content_hash: required('text'),
    confidence: required('double precision'),
    trust: required('text'),
    valid_from: required('timestamptz'),
    valid_to: optional('timestamptz'),
    replaces: optional('text'),
    disputed_with: optional('text'),
    expires_at: optional('timestamptz'),
    /** The value of a kind of its author's own; null = a built-in kind. */
    data: optional('jsonb'),
    /** What tells values of such a kind apart; null = each stands for itself. */
    data_key: optional('text'),
  },
  indexes: ['(tenant, scope_user, kind)'],
});

/** When and why a fact ceased to hold in the world. Apart from `fact`, so that what was known earlier reads as it was known. */
export const factEndView = defineView({
  name: 'fact_end',
  key: ['fact', 'fork'],
  columns: {
    fact: required('text'),
    fork: required('text'),
    valid_to: required('timestamptz'),
    replaced_by: optional('text'),
    reason: required('text'),
  },
});

/** Who said it: one row per source, the first and every confirmation. */
export const factSourceView = defineView({
  name: 'fact_source',
  key: ['fact', 'turn'],
  columns: {
    fact: required('text'),
    fork: required('text'),
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    quote: required('text'),
  },
});
