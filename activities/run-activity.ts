import { inspect } from 'node:util';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { ModelError } from '../llm/model-error.ts';
import type { ActivityDeps } from './deps.ts';
import type { TurnRef } from './types.ts';

/** What work is about, for the worker's log: a turn, or a run of consolidation. */
type WorkRef = Pick<TurnRef, 'turn'> | { readonly run: string };

/** What the body of an activity gets. */
export interface ActivityScope {
  /** Aborts when the turn is cancelled or the attempt timed out. */
  readonly signal: AbortSignal;
  /** From 1. */
  readonly attempt: number;
  /** When the first attempt was scheduled, in milliseconds since 1970. */
  readonly scheduledAt: number;
  /** The workflow that asked for it; for records, never for keys: a run id changes on reset. */
  readonly workflow: { readonly workflowId: string; readonly runId: string };
}

/**
 * Runs the body of an activity: heartbeats while it works, so that a dead worker is noticed in seconds, and turns its errors
 * into failures that hold a code and a message of ours, never conversation text.
 */
export async function runActivity<T>(
  deps: ActivityDeps,
  ref: WorkRef,
  body: (scope: ActivityScope) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  // A step runs inside a workflow task: the worker waits for its end, and must not wait for a model's.
  const stopping = context.info.isLocal ? deps.stopping : undefined;
  const heartbeatMs = context.info.heartbeatTimeoutMs;
  const beat =
    heartbeatMs === undefined ? undefined : setInterval(() => context.heartbeat(), Math.max(100, heartbeatMs / 4));
  try {
    return await body({
      signal: stopping ? AbortSignal.any([context.cancellationSignal, stopping]) : context.cancellationSignal,
      attempt: context.info.attempt,
      scheduledAt: context.info.scheduledTimestampMs,
      workflow: {
        workflowId: context.info.workflowExecution?.workflowId ?? '',
        runId: context.info.workflowExecution?.runId ?? '',
      },
    });
  } catch (error) {
    // A cancelled activity must end as cancelled, whatever error the abort came out as.
    if (context.cancellationSignal.aborted) await context.cancelled;
    if (stopping?.aborted) throw leftToOthers();
    throw toFailure(deps, ref, context.info, error);
  } finally {
    clearInterval(beat);
  }
}

/** Longer than a step's `localRetryThreshold` (workflows/agent-turn.ts): the pause becomes a timer, and whoever works then takes over. */
const stoppedPauseMs = 5_100;

function leftToOthers(): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'WORKER_STOPPED',
    message: 'The worker was stopped in the middle; another one goes on.',
    nextRetryDelay: stoppedPauseMs,
  });
}

/** The pause before the next attempt of a model's work grows up to this, as its retry policy has it (workflows/agent-turn.ts). */
const longestPauseMs = 30_000;

function toFailure(
  deps: ActivityDeps,
  ref: WorkRef,
  { activityType: activity, attempt }: Pick<Info, 'activityType' | 'attempt'>,
  error: unknown,
): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const details = {
    activity,
    ...('turn' in ref ? { turn: ref.turn } : { run: ref.run }),
    error: inspect(error),
  };
  if (error instanceof HoldfastError) {
    deps.log(error.retryable ? 'warn' : 'error', `${activity} failed: ${error.code}`, details);
    const retryAfterMs = error instanceof ModelError ? error.retryAfterMs : undefined;
    // The longer of both: a server that says "now" again and again would use up all attempts within a second.
    const isLonger = (retryAfterMs ?? 0) >= Math.min(longestPauseMs, 1_000 * 2 ** (attempt - 1));
    return ApplicationFailure.create({
      type: error.code,
      message: failureMessage(error),
      nonRetryable: !error.retryable,
      ...(retryAfterMs !== undefined && isLonger ? { nextRetryDelay: retryAfterMs } : {}),
    });
  }
  deps.log('error', `${activity} failed unexpectedly`, details);
  const name = error instanceof Error ? error.name : 'Error';
  return ApplicationFailure.create({ type: 'UNEXPECTED', message: `${name}; the worker's log has the details.` });
}

/** Providers put the words of a conversation into their error messages: those stay in the worker's log. */
function failureMessage(error: HoldfastError): string {
  if (error instanceof ModelError) {
    const status = error.status === undefined ? '' : `, HTTP ${error.status}`;
    // Hints are texts of ours, chosen by the code.
    return `The model call failed (${error.code}${status}); the worker's log has its words. ${error.hint ?? ''}`.trim();
  }
  return error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
}
