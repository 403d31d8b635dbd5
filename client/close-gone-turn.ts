import type { TurnCare, TurnRef } from '../activities/types.ts';
import { StreamSealedError } from '../eventstore/index.ts';
import type { EventStore } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import type { TurnEnding } from '../memory/turn-end.ts';
import { turnEndCommand } from '../memory/turn-end.ts';
import { ensureRunning } from './start-turn.ts';
import type { EndedWorkflow, TurnStarter } from './start-turn.ts';

/**
 * Looks after a turn that has no terminal event: starts it when Temporal does not know it (a lost start, a wiped server, a retention
 * that passed: what it has done is in the log and not done again), and closes it when its workflow ended without a word (terminated,
 * timed out, failed), so that nobody waits for it. A worker that still commits loses or wins by the log's seal; there is one terminal
 * event in any case.
 */
export async function closeGoneTurn(
  { store, starter }: { readonly store: EventStore<MemoryEvent>; readonly starter: TurnStarter },
  ref: TurnRef,
): Promise<TurnCare> {
  const state = await ensureRunning(starter, ref);
  if (state === 'started' || state === 'running') return state;
  await endTurn({ tenant: ref.tenant, store }, ref, endings[state]);
  return 'closed';
}

/** Ends a turn that nobody works on, or waits for, any more. An end that stands already stays. */
export async function endTurn(
  { tenant, store }: { readonly tenant: string; readonly store: EventStore<MemoryEvent> },
  ref: Pick<TurnRef, 'thread' | 'branch' | 'turn'>,
  ending: TurnEnding,
): Promise<void> {
  try {
    await store.append(tenant, { ...turnEndCommand(ref, ending), meta: { actor: 'holdfast:gone' } });
  } catch (error) {
    // It had ended before: that end stands.
    if (!(error instanceof StreamSealedError)) throw error;
  }
}

/** What a workflow's end says about its turn. Somebody's will is an abort, everything else a failure. */
const endings: Readonly<Record<EndedWorkflow, TurnEnding>> = {
  TERMINATED: {
    status: 'aborted',
    actor: 'temporal:terminate',
    reason: 'The workflow of the turn was terminated.',
  },
  CANCELLED: { status: 'aborted', actor: 'temporal:cancel', reason: 'The workflow of the turn was cancelled.' },
  TIMED_OUT: { status: 'failed', code: 'WORKFLOW_TIMED_OUT', message: 'The workflow of this turn timed out.' },
  FAILED: {
    status: 'failed',
    code: 'WORKFLOW_FAILED',
    message: 'The workflow of this turn failed before it could record why.',
  },
  COMPLETED: {
    status: 'failed',
    code: 'WORKFLOW_GONE',
    message: 'The workflow of this turn ended without its terminal event.',
  },
};
