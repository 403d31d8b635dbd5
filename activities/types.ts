/**
 * What workflows know of activities: types only, references only. Nothing here may hold conversation text, because it all
 * stands in Temporal's history.
 */

/** Names one turn. */
export interface TurnRef {
  readonly tenant: string;
  readonly thread: string;
  readonly branch: string;
  readonly turn: string;
  readonly agent: string;
}

/** What a turn has used, as its guards count it. Recorded with each step, so that no crash makes it forget. */
export interface Spent {
  readonly toolCalls: number;
  readonly tokens: number;
  readonly costUsd: number;
  /** Milliseconds of work: not those it waited for people or for earlier turns. */
  readonly wallMs: number;
}

export interface StepInput extends TurnRef {
  /** From 1. */
  readonly step: number;
  /** What the steps before have used. @default nothing */
  readonly spent?: Spent;
}

/** A tool call of a step that still has to run. */
export interface PendingCall {
  /** Place among the step's calls, from 0. */
  readonly ordinal: number;
  readonly tool: string;
  readonly timeoutMs: number;
  /** The approval it waits for, or null. */
  readonly approval: { readonly id: string; readonly timeoutMs: number } | null;
  /** It asks another agent, by a turn of its own. @default a tool of the worker */
  readonly child?: { readonly waits: boolean };
}

/** What a committed step means for the turn. */
export interface StepOutcome {
  /** Position of the step's last event; 0 when blocked. */
  readonly position: number;
  /** The turn is completed. */
  readonly done: boolean;
  readonly calls: readonly PendingCall[];
  /** What the turn has used, this step included; absent when blocked. */
  readonly spent?: Spent;
  /** False when nothing is read for memories behind the reply. @default true */
  readonly extracts?: boolean;
  /** The turn is read for memories later: when, the agent's trigger says. @default false */
  readonly defers?: boolean;
  /** The conversation comes near its budget: it is to be compacted behind the reply. @default false */
  readonly compacts?: boolean;
  /** An earlier turn of the branch that has not ended: nothing was done, wait for it. */
  readonly blockedBy: string | null;
}

export interface ToolInput extends TurnRef {
  readonly step: number;
  readonly ordinal: number;
  readonly approval: string | null;
  /** Milliseconds of work of the turn before this call. @default 0 */
  readonly wallMs?: number;
}

/** A tool call that asks another agent. */
export interface ChildCall {
  readonly step: number;
  readonly ordinal: number;
}

/** A child that is waited for. */
export interface ChildInput extends TurnRef, ChildCall {
  /** Approvals it was seen to wait for. */
  readonly seen: readonly string[];
}

/** A branch whose waiting turns are to be read. */
export interface ThreadExtraction {
  readonly tenant: string;
  readonly thread: string;
  readonly branch: string;
  /** All that waits, whatever agents say about when. */
  readonly all: boolean;
  /** Only turns that ended behind this position: those before it were tried. @default 0 */
  readonly after?: number;
}

/** Turns of a branch that are to be read now, and in how many milliseconds others will be; null = not before more happens. */
export interface DueExtraction {
  readonly turns: readonly { readonly turn: string; readonly agent: string; readonly position: number }[];
  readonly inMs: number | null;
}

/** An approval to look up, and whether its deadline has passed. */
/** What came of looking at an approval. */
export interface SettledApproval {
  readonly isDecided: boolean;
  /** Until the deadline that stands, in milliseconds: the turn's own clock may have begun later, or somebody else is asked now. */
  readonly moreMs?: number;
}

/** A decision that came through Temporal. Its words stand in the history of the workflow; the client's own way keeps them out. */
export interface DecideInput extends TurnRef {
  readonly approval: string;
  readonly decision: 'approve' | 'edit' | 'respond' | 'reject';
  readonly actor: string;
  readonly reason?: string;
  readonly arguments?: unknown;
  readonly message?: string;
  readonly argumentsHash?: string;
  readonly remember?: 'thread';
}

/** What became of a decision that came through Temporal: references only. */
export interface DecidedApproval {
  readonly approval: string;
  /** False when somebody else had decided before, or the turn has ended, or the decision cannot be applied. */
  readonly applied: boolean;
  /** The decision that stands, whoever made it; null while there is none. */
  readonly decision: 'approve' | 'edit' | 'respond' | 'reject' | null;
  readonly actor: string | null;
  /** Position of the decision that stands; 0 while there is none. */
  readonly position: number;
  /** Why it could not be applied: the code of an error; else null. */
  readonly refused: string | null;
}

export interface SettleApprovalInput extends TurnRef {
  readonly approval: string;
  readonly isExpired: boolean;
}

/** How a turn was ended by someone other than its last step. */
export interface EndTurnInput extends TurnRef {
  readonly status: 'failed' | 'aborted';
  readonly code: string;
  readonly message: string;
}

/** How a turn stands in the log after endTurn: an earlier terminal event wins. */
export interface TurnEnd {
  readonly status: 'completed' | 'failed' | 'aborted';
  readonly position: number;
  readonly approvals: readonly string[];
  readonly code: string | null;
}

/** What was found when a turn without a terminal event was looked after: `closed` = its workflow was gone, and now it has ended. */
export type TurnCare = 'running' | 'started' | 'closed';

/** What one round of the sweeper did, in numbers. */
export interface SweepReport {
  /** Open turns that were looked at. */
  readonly looked: number;
  readonly started: number;
  readonly closed: number;
  /** Decisions that a turn was told again. */
  readonly told: number;
  /** Workflows of aborted turns that were cancelled. */
  readonly cancelled: number;
  /** What could not be repaired now; the next round tries again, the worker's log says why. */
  readonly failed: number;
}

/** Names a schedule. */
export interface ScheduleRef {
  readonly tenant: string;
  readonly schedule: string;
}

/** A turn that a schedule is to start. */
export interface ScheduledTurn extends ScheduleRef {
  /** When it was due, ISO 8601. */
  readonly due: string;
}

/** The activities of schedules. */
export interface ScheduleActivities {
  /** Requests and starts the turn, once. */
  requestScheduledTurn(input: ScheduledTurn): Promise<void>;
}

/** The activities of the sweeper. */
export interface SweepActivities {
  /** Repairs what crashes left behind, in every tenant of the worker. */
  sweep(): Promise<SweepReport>;
}

/** The activities of a turn. */
export interface Activities {
  /** Retrieves memory, calls the model, and commits reply, trace and memory writes as one command. */
  runModelStep(input: StepInput): Promise<StepOutcome>;
  /** Runs one tool call, after its approval if it needs one, and commits its outcome. */
  runTool(input: ToolInput): Promise<void>;
  /** Fails until the earlier turn has ended; starts or closes it when its workflow is gone. */
  awaitPredecessor(input: TurnRef & { readonly predecessor: string }): Promise<void>;
  /** Tells whether an approval is decided; when it has expired, records its rejection unless it is. */
  settleApproval(input: SettleApprovalInput): Promise<SettledApproval>;
  /** Records a decision that came by signal or update of the workflow. First decision wins, as everywhere. */
  decideApproval(input: DecideInput): Promise<DecidedApproval>;
  /** Asks another agent: records its turn and sees to its start. False when it is not to be asked: runTool tells why. */
  startChild(input: ToolInput): Promise<{ readonly started: boolean }>;
  /** Fails until a child's turn has ended, or waits for other approvals than the ones that are known. */
  awaitChild(input: ChildInput): Promise<{ readonly ended: boolean; readonly waitingFor: readonly string[] }>;
  /** Aborts the children of these calls, as far as they were started and have not ended. */
  abortChildren(input: TurnRef & { readonly calls: readonly ChildCall[] }): Promise<void>;
  /** Writes the terminal event, unless there is one. */
  endTurn(input: EndTurnInput): Promise<TurnEnd>;
  /** Proposes memories from the turn's words and commits what reconciliation makes of them. */
  extractMemory(input: TurnRef): Promise<void>;
  /** Sees to it that the turn is read when it is due. */
  deferExtraction(input: TurnRef): Promise<void>;
  /** Which turns of a branch are to be read now, or when. */
  dueExtraction(input: ThreadExtraction): Promise<DueExtraction>;
  /** Replaces the oldest turns of the conversation by a summary, where there is no room for them. */
  compactContext(input: TurnRef): Promise<void>;
  recordExtractionFailure(input: TurnRef & { readonly code: string; readonly message: string }): Promise<void>;
}
