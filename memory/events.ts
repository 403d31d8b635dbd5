import type { Event } from './event-shape.ts';
import type { CareEvent } from './care-events.ts';
import type { DocumentEvent } from './document-events.ts';
import type { EntityEvent } from './entity-events.ts';
import type { ExtractionOrigin } from './extraction-origin.ts';
import type { ProcedureEvent } from './procedure-events.ts';
import type { ScheduleChanged, ScheduleDefined } from './schedule-events.ts';
import type { CompactedTurns } from './compacted-turns.ts';
import type { PromptPart, RecordedTool, RecordedToolCall, RetrievalTrace, Usage } from './recorded-step.ts';
import type { ModelOptions, ModelOptionsChange } from './model-options.ts';
import type { Scope } from './scope.ts';
import type { WriteEvent } from './write-events.ts';

/**
 * Everything that can happen to a thread and its memory: past-tense facts, readonly, plain JSON. Texts live here and in views,
 * never in Temporal. Change a shape only with a new schema version: an upcaster in `holdfastSchema` and a golden file (test/golden).
 */

/** Which turn of which line of history an event belongs to. */
export interface TurnRef {
  readonly thread: string;
  readonly branch: string;
  readonly turn: string;
}

/** Where a memory came from: the turn whose words say it. */
export interface Source {
  readonly thread: string;
  readonly branch: string;
  readonly turn: string;
  /** The words themselves, shortened. */
  readonly quote: string;
}

/** Name of a kind of facts: a built-in one (memory/kinds.ts), or one of an author's own. */
export type FactKind = string;

/** Who vouches for a memory, best first. A derived item gets the lowest class of its sources. */
export type Trust = 'direct_user' | 'tool_internal' | 'model_inference' | 'tool_external';

export type {
  PromptPart,
  RecalledItem,
  RecordedTool,
  RecordedToolCall,
  RetrievalTrace,
  Usage,
} from './recorded-step.ts';

/** What became of one proposed memory. */
export interface MemoryOutcome {
  /** `pending`: nothing is written until a person approves it. */
  readonly outcome:
    'stored' | 'duplicate' | 'superseding' | 'historical' | 'disputed' | 'retracted' | 'pending' | 'rejected';
  /** The fact or procedure it concerns, or the proposal that waits; null when rejected. */
  readonly id: string | null;
  readonly text: string;
  readonly reason: string;
}

/** The tool call of another turn by which an agent asked this one. */
export interface ParentCall {
  readonly turn: string;
  readonly step: number;
  readonly ordinal: number;
  /** 1 for an agent asked by a turn that came from outside. */
  readonly depth: number;
  /** That turn waits for this one, and is waiting while this one waits for a person. */
  readonly waits: boolean;
}

/** What a guard counts. */
export type LimitName = 'steps' | 'tool_calls' | 'tokens' | 'cost' | 'wall_time';

export type AgentConfigured = Event<
  'AgentConfigured',
  {
    agent: string;
    hash: string;
    model: string;
    instructions: string;
    tools: readonly RecordedTool[];
  }
>;

export type TurnRequested = Event<
  'TurnRequested',
  TurnRef & {
    agent: string;
    user: string | null;
    message: string;
    occurredAt: string;
    /** The tool call that asked for it, when another agent did. @default asked for from outside */
    parent?: ParentCall;
  }
>;

export type StepCompleted = Event<
  'StepCompleted',
  TurnRef & {
    step: number;
    /** Context was loaded as of this position. */
    basePosition: number;
    prompt: { readonly hash: string; readonly parts: readonly PromptPart[]; readonly tokens: number };
    retrieval: RetrievalTrace | null;
    model: string;
    requestedModel: string;
    /** What it was asked to answer with; part of the prompt's hash. @default none */
    modelOptions?: ModelOptions;
    codeVersion: string;
    text: string | null;
    toolCalls: readonly RecordedToolCall[];
    finishReason: string;
    usage: Usage;
    /** The least trusted of all that its words may rest on: tools, memories and summaries in its prompt. @default the user and the model */
    heard?: Trust;
  }
>;

/** A message that came while its thread's turn was running: the turn's next step reads it. */
export type MessageSteered = Event<
  'MessageSteered',
  TurnRef & {
    /** The sender's key: the turn it becomes when no step of this one reads it. */
    key: string;
    user: string | null;
    message: string;
    /** ISO 8601 with offset. */
    occurredAt: string;
  }
>;

/** Written before a tool that must not run twice is started: what happened after it is unknown until ToolCompleted. */
export type ToolStarted = Event<
  'ToolStarted',
  TurnRef & { step: number; ordinal: number; tool: string; effectKey: string }
>;

export type ToolCompleted = Event<
  'ToolCompleted',
  TurnRef & {
    step: number;
    /** Place among the step's calls, from 0. */
    ordinal: number;
    call: string;
    tool: string;
    /** `skipped` = not started, because the turn had come to a limit or its branch is a fork without a recorded result. */
    outcome: 'ok' | 'failed' | 'rejected' | 'invalid' | 'timed_out' | 'skipped';
    /** Why it is not simply `ok`, for programs, for example `TOOL_TIMED_OUT` or `RESULT_CUT`; else null. */
    code: string | null;
    /** The arguments that were used (after an edit, the edited ones). */
    arguments: unknown;
    result: string;
    effectKey: string;
    durationMs: number;
  }
>;

export type ApprovalRequested = Event<
  'ApprovalRequested',
  TurnRef & {
    approval: string;
    step: number;
    ordinal: number;
    call: string;
    tool: string;
    arguments: unknown;
    argumentsHash: string;
    argumentsSchema: Readonly<Record<string, unknown>>;
    reason: string;
    /** How much harm the call could do, as the tool's author sees it. @default 'medium' */
    risk?: 'low' | 'medium' | 'high';
    deadline: string;
    onTimeout: 'reject' | 'escalate';
    /** Who is asked when the deadline passes, and for how long, for `escalate`. */
    escalation?: { readonly to: string; readonly timeoutMs: number };
  }
>;

/** Nobody decided in time, and somebody else is asked: until the new deadline, which rejects. */
export type ApprovalEscalated = Event<
  'ApprovalEscalated',
  TurnRef & { approval: string; tool: string; to: string; deadline: string }
>;

/** A call that would have asked ran without asking, because a person had allowed its tool for the thread. */
export type ApprovalWaived = Event<
  'ApprovalWaived',
  TurnRef & {
    step: number;
    ordinal: number;
    tool: string;
    /** The approval with which it was allowed. */
    allowedBy: string;
  }
>;

/** From here on a tool asks again in a thread. */
export type ToolAllowanceRevoked = Event<
  'ToolAllowanceRevoked',
  { thread: string; branch: string; tool: string; actor: string }
>;

export type ApprovalDecided = Event<
  'ApprovalDecided',
  TurnRef & {
    approval: string;
    decision: 'approve' | 'edit' | 'respond' | 'reject';
    actor: string;
    reason: string | null;
    /** Edited arguments, for `edit`. */
    arguments: unknown;
    /** Words for the model instead of a tool result, for `respond`. */
    message: string | null;
    timedOut: boolean;
    /** The tool may run in this thread without asking from now on. */
    remember?: { readonly for: 'thread'; readonly tool: string };
  }
>;

export type ApprovalDecisionIgnored = Event<
  'ApprovalDecisionIgnored',
  TurnRef & {
    approval: string;
    decision: string;
    actor: string;
    why: 'already_decided' | 'arguments_changed' | 'turn_ended' | 'invalid';
  }
>;

export type RoundRecorded = Event<
  'RoundRecorded',
  TurnRef & {
    round: string;
    scope: Scope;
    agent: string;
    message: { readonly speaker: string; readonly text: string };
    /** Null for a message that nobody answered, or of two people of whom neither is the assistant. */
    reply: { readonly speaker: string; readonly text: string } | null;
    /** The least trusted of all that the reply may rest on. @default the user and the model */
    heard?: Trust;
    occurredAt: string;
    /** When it is recalled no more. @default never */
    expiresAt?: string;
  }
>;

/** A guard ended the turn: it had used more than it may. Comes right before TurnFailed, in the same command. */
export type LimitReached = Event<
  'LimitReached',
  TurnRef & {
    step: number;
    limit: LimitName;
    /** Steps, calls, tokens, US dollars or milliseconds. */
    allowed: number;
    used: number;
  }
>;

export type TurnCompleted = Event<
  'TurnCompleted',
  TurnRef & {
    steps: number;
    /** `MODEL_CUT_OFF` or `MODEL_REFUSED` where the reply is not what was hoped for. @default a whole reply */
    code?: string;
    /** It waits to be read for memories, because its agent reads later. @default it is read behind the reply, or never */
    extraction?: 'later';
  }
>;
export type TurnFailed = Event<'TurnFailed', TurnRef & { code: string; message: string }>;
export type TurnAborted = Event<'TurnAborted', TurnRef & { actor: string; reason: string }>;

export type FactAsserted = Event<
  'FactAsserted',
  {
    fact: string;
    scope: Scope;
    kind: FactKind;
    subject: string;
    relation: string;
    value: string;
    text: string;
    contentHash: string;
    confidence: number;
    trust: Trust;
    /** World time from which it holds. */
    validFrom: string;
    /** Born historical: it had ended before we learnt of it. */
    validTo: string | null;
    replaces: string | null;
    disputedWith: string | null;
    /** When it is recalled no more. @default never */
    expiresAt?: string;
    /** The value of a kind of its author's own, as its schema gave it. @default the kind is a built-in one */
    data?: unknown;
    /** What tells values of such a kind apart. @default every value stands for itself */
    key?: string;
    source: Source;
  }
>;
/** `fork`: only there; what the fact is elsewhere does not change. */
export type FactConfirmed = Event<'FactConfirmed', { fact: string; fork?: string; source: Source }>;
export type FactSuperseded = Event<
  'FactSuperseded',
  { fact: string; fork?: string; by: string; validTo: string; source: Source }
>;
export type FactRetracted = Event<
  'FactRetracted',
  { fact: string; fork?: string; validTo: string; reason: string; source: Source }
>;

export type ProcedureLearned = Event<
  'ProcedureLearned',
  {
    procedure: string;
    version: number;
    scope: Scope;
    goal: string;
    text: string;
    contentHash: string;
    trust: Trust;
    validFrom: string;
    source: Source;
    /** Tools in order, where it was learnt from calls that worked, by a run of consolidation. @default told by somebody */
    steps?: readonly string[];
    run?: string;
    /** The turns in which they worked, oldest first. */
    sources?: readonly Source[];
  }
>;

export type BlockEdited = Event<
  'BlockEdited',
  {
    scope: Scope;
    label: string;
    description: string;
    value: string;
    /** Upper bound of the value in characters. */
    limit: number;
    /** Agents may read it, not edit it. @default false */
    readOnly?: boolean;
    actor: string;
    reason: string;
  }
>;

/** The oldest turns of a branch's conversation are replaced by a summary in its prompts, from here on. */
export type ContextCompacted = Event<'ContextCompacted', TurnRef & CompactedTurns & { usage: Usage }>;

export type ExtractionCompleted = Event<
  'ExtractionCompleted',
  TurnRef & ExtractionOrigin & { model: string; outcomes: readonly MemoryOutcome[]; usage: Usage }
>;
export type ExtractionFailed = Event<'ExtractionFailed', TurnRef & { code: string; message: string }>;

/** What a fork does with calls of tools: answers from the record, runs them, or refuses them. */
export type ForkTools = 'stub' | 'rerun' | 'forbid';

/** A new branch of a thread: it sees its parent up to `position`, and from there on only itself. */
export type BranchForked = Event<
  'BranchForked',
  {
    thread: string;
    branch: string;
    parent: string;
    /** The place that was asked for: a step of a turn, or a position. */
    asked: { readonly turn: string | null; readonly step: number | null; readonly position: number | null };
    position: number;
    /** The parent's turn that is gone on with, and how many of its steps are taken over; null between turns. */
    turn: string | null;
    step: number;
    /** The turn on the new branch; null when none was asked for. */
    newTurn: string | null;
    tools: ForkTools;
    changes: {
      readonly message: boolean;
      readonly instructions: string | null;
      readonly model: string | null;
      /** @default none */
      readonly modelOptions?: ModelOptionsChange;
      /** Facts and how-tos that do not hold on the branch. */
      readonly removed: readonly string[];
      readonly removedBlocks: readonly { readonly scope: Scope; readonly label: string }[];
      readonly toolResults: readonly { readonly step: number; readonly ordinal: number }[];
    };
  }
>;

/** One recorded model call made again, in isolation: what it said with something different about it. */
export type StepRerun = Event<
  'StepRerun',
  TurnRef & {
    step: number;
    changes: {
      readonly model: string | null;
      /** @default none */
      readonly modelOptions?: ModelOptionsChange;
      readonly instructions: string | null;
      readonly message: string | null;
      /** The prompt was changed in another way. */
      readonly prompt: boolean;
    };
    prompt: { readonly hash: string };
    requestedModel: string;
    /** What it was asked to answer with. @default none */
    modelOptions?: ModelOptions;
    model: string;
    text: string | null;
    toolCalls: readonly RecordedToolCall[];
    finishReason: string;
    usage: Usage;
  }
>;

export type HistoryArchived = Event<
  'HistoryArchived',
  TurnRef & {
    workflowId: string;
    runId: string;
    events: number;
    encoding: 'temporal-history-protobuf+base64';
    history: string;
  }
>;

/** Every event Holdfast writes. */
export type MemoryEvent =
  | AgentConfigured
  | TurnRequested
  | StepCompleted
  | ToolStarted
  | MessageSteered
  | ToolCompleted
  | ApprovalRequested
  | ApprovalDecided
  | ApprovalDecisionIgnored
  | ApprovalEscalated
  | ApprovalWaived
  | ToolAllowanceRevoked
  | ScheduleDefined
  | ScheduleChanged
  | RoundRecorded
  | LimitReached
  | TurnCompleted
  | TurnFailed
  | TurnAborted
  | FactAsserted
  | FactConfirmed
  | FactSuperseded
  | FactRetracted
  | ProcedureLearned
  | ProcedureEvent
  | BlockEdited
  | ContextCompacted
  | ExtractionCompleted
  | ExtractionFailed
  | HistoryArchived
  | BranchForked
  | StepRerun
  | CareEvent
  | DocumentEvent
  | EntityEvent
  | WriteEvent;
