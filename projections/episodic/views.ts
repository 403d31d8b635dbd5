import { defineView, optional, required } from '../../eventstore/index.ts';

/** Rounds: a user message with its reply, immutable, with its original time. The evidence under every other memory. */
export const roundView = defineView({
  name: 'round',
  key: ['round'],
  columns: {
    round: required('text'),
    thread: required('text'),
    branch: required('text'),
    turn: required('text'),
    agent: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    speaker: required('text'),
    message: required('text'),
    reply_speaker: optional('text'),
    reply: optional('text'),
    /** The least trusted of all that the reply may rest on. */
    heard: optional('text'),
    occurred_at: required('timestamptz'),
  },
  indexes: ['(tenant, thread, branch, from_pos)', '(tenant, scope_user, occurred_at)'],
});
