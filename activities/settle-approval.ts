import { StreamSealedError, SubjectForgottenError } from '../eventstore/index.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ActivityDeps } from './deps.ts';
import type { SettleApprovalInput } from './types.ts';

const actor = 'holdfast:deadline';

/**
 * Tells whether the log holds a decision about an approval. When its deadline has passed, rejects it first: the stream takes one
 * decision, so one that was recorded before stands. Throws SubjectForgottenError when the user was forgotten meanwhile.
 */
export async function settleApproval(deps: ActivityDeps, input: SettleApprovalInput): Promise<{ isDecided: boolean }> {
  const stream = streams.approval(input.approval);
  const events = await Array.fromAsync(deps.store.readStream(input.tenant, stream));
  if (events.some(({ type }) => type === 'ApprovalDecided')) return { isDecided: true };
  const [request] = events;
  // Nobody can decide about what is no longer known: the turn is over.
  if (request?.forgotten) throw new SubjectForgottenError(request.subjects.join(', '), input.approval);
  if (!input.isExpired) return { isDecided: false };
  try {
    await deps.store.append(input.tenant, {
      id: commands.decision(input.approval, 'reject', actor),
      streams: [{ name: stream, expectedVersion: 'some', seal: true }],
      events: [
        {
          type: 'ApprovalDecided',
          stream,
          subjects: request?.subjects ?? [],
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
      readAt: request?.position ?? 0,
    });
  } catch (error) {
    if (!(error instanceof StreamSealedError)) throw error;
  }
  return { isDecided: true };
}
