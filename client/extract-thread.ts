import {
  isGrpcDeadlineError,
  isGrpcServiceError,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { MemoryOutcome } from '../memory/events.ts';
import { readViews } from '../projections/read-views.ts';
import { listAwaitingExtraction } from '../projections/threads/awaiting-extraction.ts';
import type { AwaitingExtraction, AwaitingFilter } from '../projections/threads/awaiting-extraction.ts';
import { findExtraction, listTurns } from '../projections/threads/queries.ts';
import type { extractThread as workflow } from '../workflows/extract-thread.ts';
import { extractionWorkflowId, extractThreadWorkflow, turnEndedSignal } from '../workflows/messages.ts';
import { TemporalUnavailableError, ThreadNotFoundError } from './client-errors.ts';
import { ExtractionRunningError } from './memory-errors.ts';
import type { ClientContext } from './send-turn.ts';
import type { TurnStarter } from './start-turn.ts';

/** A branch of a thread. */
export interface ExtractThread {
  readonly thread: string;
  /** @default 'main' */
  readonly branch?: string;
}

/** How long to wait for the end. */
export interface ExtractWait {
  /** In milliseconds; the work goes on after it. @default 300000 */
  readonly timeoutMs?: number;
  /** Stops waiting with the signal's reason; the work goes on. */
  readonly signal?: AbortSignal;
}

/** What became of a turn that was waiting. */
export interface ExtractedTurn {
  readonly turn: string;
  /** `waiting`: its agent is gone, or reads nothing any more. */
  readonly status: 'completed' | 'failed' | 'waiting';
  readonly outcomes: readonly MemoryOutcome[];
  /** Why it failed, or what else is to be known; else null. */
  readonly detail: string | null;
}

/** Has somebody look at what waits in a branch: wakes the workflow that does, or starts it. */
export async function wakeExtraction(
  { temporal, taskQueue, timeouts }: TurnStarter,
  { tenant, thread, branch }: { readonly tenant: string; readonly thread: string; readonly branch: string },
): Promise<void> {
  await temporal.workflow.signalWithStart<typeof workflow>(extractThreadWorkflow, {
    workflowId: extractionWorkflowId({ taskQueue, tenant, thread, branch }),
    taskQueue,
    args: [{ tenant, thread, branch, all: false, timeouts }],
    signal: turnEndedSignal,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
  });
}

/**
 * Reads all turns of a branch that wait for it now, whatever their agents say about when, and those whose extraction was given up; waits for
 * the end. Each turn is read once, whoever asks. Throws ThreadNotFoundError, ExtractionRunningError when it has not ended in time,
 * TemporalUnavailableError and the errors of the store.
 */
export async function extractThread(
  context: ClientContext,
  { thread, branch = 'main' }: ExtractThread,
  { timeoutMs = 300_000, signal }: ExtractWait = {},
): Promise<ExtractedTurn[]> {
  const { tenant, starter } = context;
  const number = await context.store.tenantNumber(tenant);
  const waiting = await readViews(context.pool, number, async (reader) => {
    if ((await listTurns(reader, { thread, branch, limit: 1 })).length === 0) throw new ThreadNotFoundError(thread);
    return listAwaitingExtraction(reader, { thread, branch, limit: 10_000 });
  });
  if (waiting.length === 0) return [];
  await context.assertConnected();
  const { temporal, taskQueue, timeouts } = starter;
  const workflowId = extractionWorkflowId({ taskQueue, tenant, thread, branch, all: true });
  const runToItsEnd = async (): Promise<void> => {
    // Signalled, so that one that is at it for somebody else, and about to end, looks again.
    await temporal.workflow.signalWithStart<typeof workflow>(extractThreadWorkflow, {
      workflowId,
      taskQueue,
      args: [{ tenant, thread, branch, all: true, timeouts }],
      signal: turnEndedSignal,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
    await temporal.workflow.getHandle<typeof workflow>(workflowId).result();
  };
  signal?.throwIfAborted();
  const bounded = (): Promise<void> => temporal.connection.withDeadline(Date.now() + timeoutMs, runToItsEnd);
  try {
    await (signal ? temporal.connection.withAbortSignal(signal, bounded) : bounded());
  } catch (error) {
    signal?.throwIfAborted();
    if (isGrpcDeadlineError(error) || error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)
      throw new ExtractionRunningError(thread, error);
    if (error instanceof ServiceError || isGrpcServiceError(error))
      throw new TemporalUnavailableError(error.message, error);
    throw error;
  }
  return readViews(context.pool, number, async (reader) => {
    const turns: ExtractedTurn[] = [];
    for (const { turn } of waiting) {
      const row = await findExtraction(reader, turn);
      turns.push({
        turn,
        status: (row?.status as 'completed' | 'failed' | undefined) ?? 'waiting',
        outcomes: (row?.outcomes ?? []) as readonly MemoryOutcome[],
        detail: row?.detail ?? null,
      });
    }
    return turns;
  });
}

/** Turns that wait to be read for memories, in the order in which they ended. */
export async function readAwaiting(
  context: ClientContext,
  filter: Pick<AwaitingFilter, 'thread' | 'branch' | 'limit'> = {},
): Promise<AwaitingExtraction[]> {
  return readViews(context.pool, await context.store.tenantNumber(context.tenant), (reader) =>
    listAwaitingExtraction(reader, filter),
  );
}
