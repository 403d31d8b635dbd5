import proto from '@temporalio/proto';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { HoldfastError } from '../errors/holdfast-error.ts';
import { workflowsPath } from './create-worker.ts';

export interface ReplayTurnOptions {
  /** The archived history: protobuf bytes of `temporal.api.history.v1.History`. */
  readonly history: Uint8Array;
  /** The id the workflow had; it stands in the history's own records too. */
  readonly workflowId: string;
  /** A bundle made before, to skip bundling. @default the workflows of this checkout */
  readonly workflowBundle?: WorkflowBundleOption;
}

/** What a replay found when it found no difference. */
export interface ReplayedTurn {
  readonly deterministic: true;
  /** How many history events were replayed. */
  readonly events: number;
}

/** Thrown when today's workflow code does not do what the archived history says, or the history cannot be read. */
export class ReplayDivergedError extends HoldfastError {
  constructor(workflowId: string, why: string, cause: unknown) {
    super('REPLAY_DIVERGED', `The replay of "${workflowId}" does not match its history: ${why}`, {
      hint: 'The history was changed, or the workflow code was: undo the change, or put it behind patched().',
      cause,
    });
  }
}

/**
 * Runs a turn's archived history through the current workflow code. Activities are not run: their recorded results are used.
 * Needs no server. The SDK replays in this thread, so a debugger can stop in workflow code. Throws ReplayDivergedError.
 */
export async function replayTurn(options: ReplayTurnOptions): Promise<ReplayedTurn> {
  const { history, workflowId, workflowBundle } = options;
  const decoded = decode(history, workflowId);
  installQuietRuntime();
  try {
    await Worker.runReplayHistory(workflowBundle ? { workflowBundle } : { workflowsPath }, decoded, workflowId);
  } catch (error) {
    // DeterminismViolationError and ReplayError alike: the code could not follow the history to its end.
    if (error instanceof Error && /^(DeterminismViolationError|ReplayError)$/.test(error.name))
      throw new ReplayDivergedError(workflowId, reasonOf(error.message), error);
    throw error;
  }
  return { deterministic: true, events: decoded.events.length };
}

/** What the SDK would log about a difference is in the error that is thrown, in fewer words. */
function installQuietRuntime(): void {
  try {
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => undefined),
      // The SDK's core writes to stdout past the logger, where it would mix with our output.
      telemetryOptions: { logging: { forward: {}, filter: 'OFF' } },
      shutdownSignals: [],
    });
  } catch (error) {
    // One per process: where a worker runs too, its logger stays.
    if (!(error instanceof Error && error.name === 'IllegalStateError')) throw error;
  }
}

type History = ReturnType<typeof proto.temporal.api.history.v1.History.decode>;

function decode(history: Uint8Array, workflowId: string): History {
  let decoded: History;
  try {
    decoded = proto.temporal.api.history.v1.History.decode(history);
  } catch (error) {
    throw new ReplayDivergedError(workflowId, 'its bytes are not a Temporal history.', error);
  }
  if (decoded.events.length === 0) throw new ReplayDivergedError(workflowId, 'it has no events.', undefined);
  return decoded;
}

/** The part of the SDK's message that names what differs. */
function reasonOf(message: string): string {
  // Inside, the core prints its own record of the failure; its first quoted message says what a reader needs.
  const quoted = /\bmessage: "((?:[^"\\]|\\.)*)"/.exec(message)?.[1]?.replace(/\\(.)/g, '$1');
  return (quoted ?? message.replace(/^Replay failed.*?Details: /s, '')).replace(/^\[TMPRL\d+\] /, '').trim();
}
