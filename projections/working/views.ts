import { defineView, optional, required } from '../../eventstore/index.ts';

/** The conversation message by message, as prompts are built from it. Step 0 is the user's message, ordinal 0 the model's reply. */
export const messageView = defineView({
  name: 'message',
  key: ['turn', 'step', 'ordinal'],
  columns: {
    turn: required('text'),
    step: required('int'),
    ordinal: required('int'),
    thread: required('text'),
    branch: required('text'),
    role: required('text'),
    content: optional('text'),
    tool_calls: required('jsonb'),
    call: optional('text'),
    /** Of the model's: the least trusted of what it may rest on. */
    heard: optional('text'),
  },
  indexes: ['(tenant, thread, branch, from_pos)'],
});

/** Messages that came while their turn was running. */
export const steeredView = defineView({
  name: 'steered',
  key: ['steer'],
  columns: {
    turn: required('text'),
    /** The sender's key. */
    steer: required('text'),
    thread: required('text'),
    branch: required('text'),
    user_id: optional('text'),
    content: required('text'),
    occurred_at: required('timestamptz'),
  },
  indexes: ['(tenant, thread, from_pos)'],
});

/** Summaries that stand in prompts in the place of the oldest turns. */
export const compactionView = defineView({
  name: 'compaction',
  key: ['compaction'],
  columns: {
    compaction: required('text'),
    thread: required('text'),
    branch: required('text'),
    turn: required('text'),
    /** Turns that were asked for up to this position are replaced. */
    up_to: required('bigint'),
    previous: optional('text'),
    summary: required('text'),
    heard: optional('text'),
    made_by: required('text'),
    turns: required('int'),
    tokens_before: required('int'),
    tokens_after: required('int'),
  },
  indexes: ['(tenant, thread, branch, from_pos)'],
});

/** Labelled blocks: the memory that is always in the prompt. */
export const blockView = defineView({
  name: 'block',
  key: ['scope_key', 'label', 'fork'],
  columns: {
    scope_key: required('text'),
    label: required('text'),
    scope_user: optional('text'),
    scope_agent: optional('text'),
    scope_thread: optional('text'),
    fork: required('text'),
    description: required('text'),
    value: required('text'),
    char_limit: required('int'),
    read_only: required('boolean'),
    actor: required('text'),
    reason: required('text'),
  },
});
