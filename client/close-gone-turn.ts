import type { TurnRef } from '../activities/types.ts';
import { StreamSealedError } from '../eventstore/index.ts';
import type { EventStore } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { ensureRunning } from './start-turn.ts';
import type { TurnStarter } from './start-turn.ts';

/**
 * Closes a turn whose workflow was terminated or timed out before it wrote the turn's terminal event, so that nobody waits for
 * it; starts one whose start was lost. A worker that still commits loses or wins by the log's seal; there is one terminal event
 * in any case. True when the workflow is gone, so that the turn has ended now.
 */
export async function closeGoneTurn(
  { store, starter }: { readonly store: EventStore<MemoryEvent>; readonly starter: TurnStarter },
  ref: TurnRef,
): Promise<boolean> {
  if ((await ensureRunning(starter, ref)) !== 'gone') return false;
  const stream = streams.turn(ref.turn);
  const { thread, branch, turn } = ref;
  const message = 'The workflow of this turn ended without its terminal event.';
  try {
    await store.append(ref.tenant, {
      id: commands.terminal(turn),
      streams: [{ name: stream, expectedVersion: 'some', seal: true }],
      events: [{ type: 'TurnFailed', stream, data: { thread, branch, turn, code: 'WORKFLOW_GONE', message } }],
      meta: { actor: 'holdfast:gone' },
    });
  } catch (error) {
    // It had ended before: that end stands.
    if (!(error instanceof StreamSealedError)) throw error;
  }
  return true;
}
