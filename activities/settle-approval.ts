import { ExpectedVersionConflictError, StreamSealedError, SubjectForgottenError } from '../eventstore/index.ts';
import type { StoredEvent } from '../eventstore/index.ts';
import type { ApprovalRequested, MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { findTurn } from '../projections/threads/queries.ts';
import { readViews } from '../projections/read-views.ts';
import { TurnEndedError } from './activity-errors.ts';
import type { ActivityDeps } from './deps.ts';
import type { SettleApprovalInput, SettledApproval } from './types.ts';

const actor = 'holdfast:deadline';

type SettleDeps = Pick<ActivityDeps, 'store' | 'pool' | 'agents' | 'log'>;

/**
 * Tells whether the log holds a decision about an approval. When its deadline has passed, asks somebody else, if the tool says so and
 * nobody else was asked yet, or rejects it: the stream takes one decision, so one that was recorded before stands. The deadlines are
 * the log's: a turn that was started again does not begin to wait anew. Throws SubjectForgottenError when the user was forgotten
 * meanwhile, TurnEndedError when the turn was cancelled.
 */
export async function settleApproval(deps: SettleDeps, input: SettleApprovalInput): Promise<SettledApproval> {
  const stream = streams.approval(input.approval);
  const events = await Array.fromAsync(deps.store.readStream(input.tenant, stream));
  if (events.some(({ type }) => type === 'ApprovalDecided')) return { isDecided: true };
  const request = events.find((event) => event.type === 'ApprovalRequested');
  // Nobody can decide about what is no longer known: the turn is over.
  if (request?.forgotten) throw new SubjectForgottenError(request.subjects.join(', '), input.approval);
  const tenant = await deps.store.tenantNumber(input.tenant);
  const turn = await readViews(deps.pool, tenant, (reader) => findTurn(reader, input.turn));
  // Cancelled, and nobody could tell us: waiting on would be in vain.
  if (turn && turn.status !== 'running' && turn.status !== 'waiting') throw new TurnEndedError(input.turn, turn.status);
  if (!request) return { isDecided: false };

  const escalated = events.find((event) => event.type === 'ApprovalEscalated');
  const leftMs = Date.parse((escalated ?? request).data.deadline) - Date.now();
  // The first deadline is the turn's own: its clock may be a moment ahead of ours. A new one is not. What is left is told in any
  // case: a turn that was started again counts from its own start.
  if (leftMs > 0 && (escalated !== undefined || !input.isExpired)) return { isDecided: false, moreMs: leftMs };
  if (!escalated && request.data.escalation) return escalate(deps, input, request, request.data.escalation);
  return rejectInTime(deps, input, request);
}

type Request = StoredEvent<MemoryEvent> & ApprovalRequested;

async function escalate(
  deps: SettleDeps,
  input: SettleApprovalInput,
  request: Request,
  { to, timeoutMs }: NonNullable<ApprovalRequested['data']['escalation']>,
): Promise<SettledApproval> {
  const { thread, branch, turn, approval, tool } = request.data;
  const stream = streams.approval(approval);
  const deadline = new Date(Date.now() + timeoutMs);
  // Before it is recorded: who is told twice is told, who is never told is not.
  await notify();
  try {
    await deps.store.append(input.tenant, {
      id: commands.escalation(approval),
      streams: [{ name: stream, expectedVersion: 1 }],
      events: [
        {
          type: 'ApprovalEscalated',
          stream,
          data: { thread, branch, turn, approval, tool, to, deadline: deadline.toISOString() },
        },
      ],
      meta: { actor },
    });
  } catch (error) {
    // Decided, or escalated by another worker, a moment ago: the log tells.
    if (error instanceof StreamSealedError || error instanceof ExpectedVersionConflictError)
      return settleApproval(deps, input);
    throw error;
  }
  return { isDecided: false, moreMs: timeoutMs };

  async function notify(): Promise<void> {
    const configured = deps.agents.get(input.agent)?.tools.find(({ name }) => name === tool)?.onApprovalTimeout;
    if (configured === undefined || configured === 'reject') return;
    try {
      await configured.notify?.({ approval, tenant: input.tenant, thread, turn, tool, to, deadline });
    } catch (error) {
      deps.log('warn', 'an escalation could not be told', { approval, to, error: String(error) });
    }
  }
}

async function rejectInTime(deps: SettleDeps, input: SettleApprovalInput, request: Request): Promise<SettledApproval> {
  const stream = streams.approval(input.approval);
  try {
    await deps.store.append(input.tenant, {
      id: commands.decision(input.approval, 'reject', actor),
      streams: [{ name: stream, expectedVersion: 'some', seal: true }],
      events: [
        {
          type: 'ApprovalDecided',
          stream,
          subjects: request.subjects,
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
      readAt: request.position,
    });
  } catch (error) {
    if (!(error instanceof StreamSealedError)) throw error;
  }
  return { isDecided: true };
}
