import { StreamSealedError } from '../eventstore/index.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ActivityDeps } from './deps.ts';
import type { TurnRef } from './types.ts';

const actor = 'holdfast:deadline';

/** Rejects an approval whose deadline passed. The stream takes one decision: one that was recorded before stands. */
export async function expireApproval(
  deps: ActivityDeps,
  input: TurnRef & { readonly approval: string },
): Promise<void> {
  const stream = streams.approval(input.approval);
  try {
    await deps.store.append(input.tenant, {
      id: commands.decision(input.approval, 'reject', actor),
      streams: [{ name: stream, expectedVersion: 'some', seal: true }],
      events: [
        {
          type: 'ApprovalDecided',
          stream,
          data: {
            thread: input.thread,
            branch: input.branch,
            turn: input.turn,
            approval: input.approval,
            decision: 'reject',
            actor,
            reason: 'the deadline passed',
            arguments: null,
            message: null,
            timedOut: true,
          },
        },
      ],
    });
  } catch (error) {
    if (!(error instanceof StreamSealedError)) throw error;
  }
}
