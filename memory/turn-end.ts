import type { TurnAborted, TurnFailed, TurnRef } from './events.ts';
import { commands, streams } from './keys.ts';

/** How a turn ends that its last step did not end. */
export type TurnEnding =
  | { readonly status: 'failed'; readonly code: string; readonly message: string }
  | { readonly status: 'aborted'; readonly actor: string; readonly reason: string };

/**
 * The command that ends a turn: its terminal event, which seals its stream. Whoever ends a turn sends this one, so that there is one
 * terminal event whatever happens; an end that was recorded before makes it fail as sealed, and stands.
 * @param subjects whom the words of a reason are about
 */
export function turnEndCommand(ref: TurnRef, ending: TurnEnding, subjects: readonly string[] = []) {
  const { thread, branch, turn } = ref;
  const stream = streams.turn(turn);
  const at = { thread, branch, turn };
  const event: (TurnFailed | TurnAborted) & { readonly stream: string; readonly subjects: readonly string[] } =
    ending.status === 'failed'
      ? { type: 'TurnFailed', stream, subjects: [], data: { ...at, code: ending.code, message: ending.message } }
      : { type: 'TurnAborted', stream, subjects, data: { ...at, actor: ending.actor, reason: ending.reason } };
  return {
    id: commands.terminal(turn),
    streams: [{ name: stream, expectedVersion: 'some' as const, seal: true }],
    events: [event],
  };
}
