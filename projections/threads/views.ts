import { defineView, optional, required } from '../../eventstore/index.ts';

/** A conversation, from its first turn. */
export const threadView = defineView({
  name: 'thread',
  key: ['thread'],
  columns: {
    thread: required('text'),
    agent: required('text'),
    user_id: optional('text'),
    started_at: required('timestamptz'),
  },
});

/** A turn as it was asked for; how it ended is a row of `turn_end`. */
export const turnView = defineView({
  name: 'turn',
  key: ['turn'],
  columns: {
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    agent: required('text'),
    user_id: optional('text'),
    message: required('text'),
    occurred_at: required('timestamptz'),
    /** The turn whose tool call asked for this one. */
    parent_turn: optional('text'),
    parent_waits: optional('boolean'),
  },
  indexes: [
    '(tenant, thread, branch, from_pos)',
    '(tenant, parent_turn) where parent_turn is not null',
    '(tenant, user_id, from_pos) where user_id is not null',
  ],
});

/** Turns while they have no terminal event: a row holds from the request to the end. What is open is asked here, whatever has ended. */
export const openTurnView = defineView({
  name: 'open_turn',
  key: ['turn'],
  columns: {
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    agent: required('text'),
    /** The turn that waits for this one's reply. */
    awaited_by: optional('text'),
  },
  indexes: ['(tenant, from_pos) where to_pos is null', '(tenant, thread, branch, to_pos)'],
});

/** How a turn ended; exactly one row per ended turn. */
export const turnEndView = defineView({
  name: 'turn_end',
  key: ['turn'],
  columns: {
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    status: required('text'),
    code: optional('text'),
    detail: optional('text'),
  },
  indexes: ['(tenant, from_pos)', "(tenant, from_pos) where status = 'aborted'"],
});

/** One model call of a turn: the checkpoint after it. */
export const stepView = defineView({
  name: 'step',
  key: ['turn', 'step'],
  columns: {
    turn: required('text'),
    step: required('int'),
    thread: required('text'),
    branch: required('text'),
    base_position: required('bigint'),
    prompt_hash: required('text'),
    prompt_tokens: required('int'),
    model: required('text'),
    code_version: required('text'),
    content: optional('text'),
    tool_calls: required('jsonb'),
    finish_reason: required('text'),
    recalled: required('int'),
    input_tokens: required('int'),
    output_tokens: required('int'),
  },
  indexes: ['(tenant, thread, branch, from_pos)'],
});

/** An action that waits, or waited, for a person. */
export const approvalView = defineView({
  name: 'approval',
  key: ['approval'],
  columns: {
    approval: required('text'),
    turn: required('text'),
    thread: required('text'),
    branch: required('text'),
    step: required('int'),
    ordinal: required('int'),
    call: required('text'),
    tool: required('text'),
    arguments: required('jsonb'),
    arguments_hash: required('text'),
    arguments_schema: required('jsonb'),
    reason: required('text'),
    deadline: required('timestamptz'),
    risk: required('text'),
    on_timeout: required('text'),
  },
  indexes: ['(tenant, turn)'],
});

/** What was decided about an approval, by whom. */
export const approvalDecisionView = defineView({
  name: 'approval_decision',
  key: ['approval'],
  columns: {
    approval: required('text'),
    turn: required('text'),
    decision: required('text'),
    actor: required('text'),
    reason: optional('text'),
    arguments: optional('jsonb'),
    message: optional('text'),
    timed_out: required('boolean'),
    remembered: required('boolean'),
  },
});

/** Whom an approval was passed on to when nobody had decided in time, and until when. */
export const approvalEscalationView = defineView({
  name: 'approval_escalation',
  key: ['approval'],
  columns: { approval: required('text'), escalated_to: required('text'), deadline: required('timestamptz') },
});

/** Tools that may run in a thread without asking. */
export const toolAllowanceView = defineView({
  name: 'tool_allowance',
  key: ['thread', 'branch', 'tool'],
  columns: {
    thread: required('text'),
    branch: required('text'),
    tool: required('text'),
    approval: required('text'),
    actor: required('text'),
  },
});

/** Completed turns that wait to be read for memories; a row holds until they were, or their user is forgotten. */
export const awaitingExtractionView = defineView({
  name: 'awaiting_extraction',
  key: ['turn'],
  columns: { turn: required('text'), thread: required('text'), branch: required('text') },
  indexes: ['(tenant, thread, branch) where to_pos is null'],
});

/** What extraction made of a turn after its reply. */
export const extractionView = defineView({
  name: 'extraction',
  key: ['turn'],
  columns: {
    turn: required('text'),
    status: required('text'),
    model: optional('text'),
    outcomes: required('jsonb'),
    detail: optional('text'),
  },
});

/** Turns whose Temporal history is in the log. */
export const historyView = defineView({
  name: 'history',
  key: ['turn'],
  columns: { turn: required('text'), workflow_id: required('text'), run_id: required('text'), events: required('int') },
});
