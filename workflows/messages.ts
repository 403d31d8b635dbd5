import type { DecidedApproval, DecideInput, TurnRef } from '../activities/types.ts';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

/** Input of a turn's workflow: references only, never conversation text. */
export interface TurnInput {
  readonly tenant: string;
  readonly thread: string;
  readonly branch: string;
  readonly turn: string;
  readonly agent: string;
  readonly timeouts: TurnTimeouts;
}

/** Times of the turn's activities, in milliseconds; part of the input so that replays see what the run saw. */
export interface TurnTimeouts {
  /** One model call with its commit. */
  readonly stepMs: number;
  /** A worker that is silent for longer is taken for dead. */
  readonly heartbeatMs: number;
}

/** Defaults of {@link TurnTimeouts}: a dead worker is noticed after 5 s. */
export const defaultTimeouts: TurnTimeouts = { stepMs: 300_000, heartbeatMs: 5_000 };

/** How a turn stands when the reply update answers. The text is in the log at `position`. */
export interface TurnOutcome {
  readonly status: 'completed' | 'waiting' | 'failed' | 'aborted';
  /** Log position at which it is so. */
  readonly position: number;
  /** Approvals that wait for a decision, when status is `waiting`. */
  readonly approvals: readonly string[];
  /** Failure code, when status is `failed`. */
  readonly code: string | null;
}

/** A decision that is already in the log (then only the reference travels). */
export interface ApprovalNotice {
  readonly approval: string;
  /** Position of the ApprovalDecided event. */
  readonly position: number;
}

/**
 * A decision as it may be sent straight to the turn's workflow, for example by `temporal workflow signal --name decide --input
 * '{"approval":"refund-1.2.0","decision":"approve","actor":"mia"}'`. What it says stands in Temporal's history, edited arguments and
 * words included; `client.approvals.decide` keeps them out. The turn records it in the log like any other: the first decision wins.
 */
export type DecisionMessage = Omit<DecideInput, keyof TurnRef>;

/** A decision for which nobody waits. One that cannot be applied is recorded as ignored. */
export const decideSignal = defineSignal<[DecisionMessage]>('decide');

/** A decision whose sender gets what stands. */
export const decideUpdate = defineUpdate<DecidedApproval, [DecisionMessage]>('decide');

/**
 * Gives the turn's outcome as soon as its last step is committed, or that it waits for a person. An update, not a query:
 * the caller waits for it, and it arrives with the start. Extraction goes on behind it.
 */
export const replyUpdate = defineUpdate<TurnOutcome>('reply');

/** Tells the turn that an approval was decided. A signal: the decision stands in the log, nobody waits for an answer. */
export const approvalDecidedSignal = defineSignal<[ApprovalNotice]>('approvalDecided');

/** Where the turn's workflow stands, for people who look at it in Temporal. */
export const progressQuery = defineQuery<{ step: number; waitingFor: readonly string[]; replied: boolean }>('progress');

/** Name under which the turn workflow is registered. */
export const agentTurnWorkflow = 'agentTurn';

/** Name under which the workflow is registered that a schedule starts. */
export const scheduledTurnWorkflow = 'scheduledTurn';

/** Name under which the sweeper's workflow is registered. */
export const sweepWorkflow = 'sweep';

/** Name under which the workflow of one run of consolidation is registered. */
export const consolidateWorkflow = 'consolidate';

/** Name under which the workflow is registered that the schedule of consolidation starts. */
export const consolidateDueWorkflow = 'consolidateDue';

/** Name under which the workflow is registered that reads turns which wait for it. */
export const extractThreadWorkflow = 'extractThread';

/** Input of that workflow: a branch of a thread. */
export interface ExtractThreadInput {
  readonly tenant: string;
  readonly thread: string;
  readonly branch: string;
  /** All that waits, whatever agents say about when. */
  readonly all: boolean;
  /** Of all that waits, what ended behind this position: an earlier run has tried the others. @default 0 */
  readonly after?: number;
  readonly timeouts: TurnTimeouts;
}

/** Tells that workflow that one more turn waits. A signal: what waits stands in the log, nobody waits for an answer. */
export const turnEndedSignal = defineSignal('turnEnded');

/** Task queue of what runs behind replies: extraction. Workers of its own may serve it. */
export function backgroundQueue(taskQueue: string): string {
  return `${taskQueue}-background`;
}

/** What tells the turns of one Temporal namespace apart. */
export interface TurnAddress {
  /** Deployments with databases of their own have task queues of their own: their tenants and turns may have the same names. */
  readonly taskQueue: string;
  readonly tenant: string;
  readonly branch: string;
  readonly turn: string;
}

/** Workflow id of a turn: one per deployment, tenant, branch and client-chosen turn id. */
export function turnWorkflowId({ taskQueue, tenant, branch, turn }: TurnAddress): string {
  return [taskQueue, 'turn', tenant, branch, turn].map(encodeURIComponent).join('/');
}

/** Workflow id of what reads the waiting turns of a branch: one that waits for its time, and one for those who ask. */
export function extractionWorkflowId({
  taskQueue,
  tenant,
  thread,
  branch,
  all = false,
}: Pick<TurnAddress, 'taskQueue' | 'tenant' | 'branch'> & { readonly thread: string; readonly all?: boolean }): string {
  return [taskQueue, all ? 'extract-all' : 'extract', tenant, branch, thread].map(encodeURIComponent).join('/');
}

/** Workflow id of a run of consolidation: one per deployment, tenant and run. */
export function consolidationWorkflowId(
  of: Pick<TurnAddress, 'taskQueue' | 'tenant'> & { readonly run: string },
): string {
  return [of.taskQueue, 'consolidate', of.tenant, of.run].map(encodeURIComponent).join('/');
}
