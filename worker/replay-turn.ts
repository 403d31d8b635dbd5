import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import proto from '@temporalio/proto';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { workflowsPath } from './create-worker.ts';

/** Thrown when today's workflow code takes another way through a recorded history. */
export class ReplayDivergedError extends HoldfastError {
  constructor(workflowId: string, cause: unknown) {
    super(
      'REPLAY_DIVERGED',
      `The history of ${workflowId} does not replay: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'The workflow code changed in a way that its recorded turns do not know, or the record was changed.',
        cause,
      },
    );
  }
}

export interface ReplayInput {
  readonly workflowId: string;
  /** A Temporal history as protobuf bytes. */
  readonly history: Uint8Array;
  /** Runs the workflow in this thread, so that a debugger can step through it. @default false */
  readonly inspect?: boolean;
}

/**
 * Runs a recorded history through the current workflow code. Nothing is called and nothing is written: every result comes from
 * the record. Throws ReplayDivergedError.
 */
export async function replayTurn({
  workflowId,
  history,
  inspect = false,
}: ReplayInput): Promise<{ deterministic: true; events: number }> {
  const decoded = proto.temporal.api.history.v1.History.decode(history);
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  try {
    await Worker.runReplayHistory({ workflowsPath, debugMode: inspect }, decoded, workflowId);
  } catch (error) {
    throw new ReplayDivergedError(workflowId, error);
  }
  return { deterministic: true, events: decoded.events.length };
}
