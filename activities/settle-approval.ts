import { StreamSealedError, SubjectForgottenError } from '../eventstore/index.ts';
import { commands, streams } from '../memory/keys.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { TurnEndedError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import type { SettleApprovalInput } from './types.ts';

const actor = 'holdfast:deadline';

/**
 * Tells whether the log holds a decision about an approval. When its deadline has passed, rejects it first: the stream takes one
 * decision, so one that was recorded before stands. Throws SubjectForgottenError when the user was forgotten meanwhile,
 * TurnEndedError when the turn was cancelled.
 */
export async function settleApproval(deps: ActivityDeps, input: SettleApprovalInput): Promise<{ isDecided: boolean }> {
  const stream = streams.approval(input.approval);
  const events = await Array.fromAsync(deps.store.readStream(input.tenant, stream));
  if (events.some(({ type }) => type === 'ApprovalDecided')) return { isDecided: true };
  const [request] = events;
  // Nobody can decide about what is no longer known: the turn is over.
  if (request?.forgotten) throw new SubjectForgottenError(request.subjects.join(', '), input.approval);
  const tenant = await deps.store.tenantNumber(input.tenant);
  const turn = await readViews(deps.pool, tenant, (reader) => findTurn(reader, input.turn));
  // Cancelled, and nobody could tell us: waiting on would be in vain.
  if (turn && turn.status !== 'running' && turn.status !== 'waiting') throw new TurnEndedError(input.turn, turn.status);
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
