import { isDeepStrictEqual } from 'node:util';
import { isGrpcServiceError, ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { StreamSealedError } from '../eventstore/index.ts';
import type { Position } from '../eventstore/index.ts';
import { commands, streams } from '../memory/keys.ts';
import type { ApprovalDecided, ApprovalDecisionIgnored } from '../memory/events.ts';
import { readViews } from '../projections/read-views.ts';
import type { ApprovalRow } from '../projections/threads/queries.ts';
import { listApprovals } from '../projections/threads/queries.ts';
import { approvalDecidedSignal, turnWorkflowId } from '../workflows/messages.ts';
import { isActor } from './actor.ts';
import { ApprovalNotFoundError, InvalidDecisionError, TemporalUnavailableError } from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';
import { getTurn } from './send-turn.ts';
import { ensureRunning } from './start-turn.ts';

/** What somebody decides about an approval. */
export interface ApprovalDecision {
  readonly approval: string;
  readonly decision: 'approve' | 'edit' | 'respond' | 'reject';
  /** Who decides; recorded. */
  readonly actor: string;
  readonly reason?: string;
  /** The arguments to use instead, for `edit`. */
  readonly arguments?: unknown;
  /** What the model is told instead of a tool result, for `respond`. */
  readonly message?: string;
  /** With `approve`: later calls of the tool in this thread run without asking, until it is revoked. */
  readonly remember?: 'thread';
  /** Digest of the arguments that were looked at (see the approval); a decision about other arguments is refused. */
  readonly argumentsHash?: string;
}

/** What became of a decision. */
export interface DecisionOutcome {
  /** False when somebody else had decided before, or the turn had ended; `approval.decision` tells. */
  readonly applied: boolean;
  /**
   * False when the turn could not be told at once, because Temporal is out of reach: the decision stands all the same, and the
   * turn finds it in the log, after 15 s at first and an hour at the latest. Repeating the decision tells it again.
   */
  readonly told: boolean;
  readonly approval: ApprovalRow;
}

/**
 * Decides an approval. The decision is recorded first, then the turn is told by reference, so edited arguments never stand in
 * Temporal. The first decision wins; later ones are recorded as ignored and get the one that stands. Repeating a decision is
 * harmless and tells the turn again. Throws ApprovalNotFoundError, InvalidDecisionError, SubjectForgottenError.
 */
export async function decideApproval(context: ClientContext, request: ApprovalDecision): Promise<DecisionOutcome> {
  const { applied, approval } = await recordDecision(context, request);
  return { applied, told: await tellTurn(context, approval), approval };
}

/** What the recording of a decision needs. */
export type DecisionContext = Pick<ClientContext, 'tenant' | 'store' | 'pool'>;

/** Records a decision, as decideApproval does, and tells nobody. */
export async function recordDecision(
  context: DecisionContext,
  request: ApprovalDecision,
): Promise<Omit<DecisionOutcome, 'told'>> {
  const before = await findApproval(context, request.approval);
  check(before, request);
  const ref = { thread: before.thread, branch: before.branch, turn: before.turn };
  const stale = request.argumentsHash !== undefined && request.argumentsHash !== before.argumentsHash;
  if (stale || before.turnEnded) {
    await recordIgnored(
      context,
      before,
      request,
      stale ? 'arguments_changed' : before.decision ? 'already_decided' : 'turn_ended',
    );
    if (!stale) return { applied: isSame(before, request), approval: before };
    throw new InvalidDecisionError(
      `The decision is about arguments ${request.argumentsHash ?? ''}, the approval asks about ${before.argumentsHash}.`,
      'Look at the approval again (`holdfast approvals ls`) and decide about what it asks now.',
    );
  }
  const stream = streams.approval(request.approval);
  const data: ApprovalDecided['data'] = {
    ...ref,
    approval: request.approval,
    decision: request.decision,
    actor: request.actor,
    reason: request.reason ?? null,
    arguments: request.decision === 'edit' ? request.arguments : null,
    message: request.message ?? null,
    timedOut: false,
    ...(request.remember === undefined ? {} : { remember: { for: request.remember, tool: before.tool } }),
  };
  try {
    const { subjects, position } = await requestOf(context, request.approval);
    await context.store.append(context.tenant, {
      id: commands.decision(request.approval, request.decision, request.actor),
      streams: [{ name: stream, expectedVersion: 'some', seal: true }],
      events: [{ type: 'ApprovalDecided', stream, subjects, data }],
      readAt: position,
      meta: { actor: request.actor },
    });
  } catch (error) {
    if (!(error instanceof StreamSealedError)) throw error;
  }
  const after = await findApproval(context, request.approval);
  // Somebody else's stands, or an earlier one of the same person with other arguments or words.
  if (!isSame(after, request)) await recordIgnored(context, after, request, 'already_decided');
  return { applied: isSame(after, request), approval: after };
}

/** One approval. Throws ApprovalNotFoundError. */
export async function findApproval(context: DecisionContext, approval: string): Promise<ApprovalRow> {
  const tenant = await context.store.tenantNumber(context.tenant);
  const [row] = await readViews(context.pool, tenant, (reader) => listApprovals(reader, { approval }));
  if (!row) throw new ApprovalNotFoundError(approval);
  return row;
}

function check(approval: ApprovalRow, request: ApprovalDecision): void {
  if (!isActor(request.actor))
    throw new InvalidDecisionError(
      'A decision needs an actor of 1 to 200 plain characters.',
      'Say who decides (`--actor`).',
    );
  if (request.decision === 'respond' && !request.message?.trim()) {
    throw new InvalidDecisionError(
      '"respond" needs a message for the model.',
      'Give the message, or approve or reject instead.',
    );
  }
  if (request.remember !== undefined && request.decision !== 'approve') {
    throw new InvalidDecisionError(
      `Only "approve" can be remembered, not "${request.decision}".`,
      'Leave `remember` out, or approve.',
    );
  }
  if (request.decision !== 'edit') return;
  if (typeof request.arguments !== 'object' || request.arguments === null) {
    throw new InvalidDecisionError(
      '"edit" needs the arguments to use, as an object.',
      `The approval asks about ${JSON.stringify(approval.arguments)}.`,
    );
  }
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  if (ajv.validate(approval.argumentsSchema as object, request.arguments)) return;
  throw new InvalidDecisionError(
    `The edited arguments do not fit "${approval.tool}": ${ajv.errorsText(ajv.errors, { dataVar: 'arguments' })}.`,
    `The approval asks about ${JSON.stringify(approval.arguments)}; change only what you mean to.`,
  );
}

/** True when the decision that stands is the one that was asked for, down to edited arguments and words. */
function isSame({ decision }: ApprovalRow, request: ApprovalDecision): boolean {
  return (
    decision?.actor === request.actor &&
    decision.decision === request.decision &&
    decision.remember === (request.remember ?? null) &&
    (request.decision !== 'edit' || isDeepStrictEqual(decision.arguments, request.arguments)) &&
    (request.decision !== 'respond' || decision.message === request.message)
  );
}

/** Records a decision that is not applied, and why. */
export async function recordIgnored(
  context: DecisionContext,
  approval: ApprovalRow,
  request: ApprovalDecision,
  why: ApprovalDecisionIgnored['data']['why'],
): Promise<void> {
  if (isSame(approval, request)) return;
  const stream = streams.ignoredDecisions(request.approval);
  await context.store.append(context.tenant, {
    id: commands.ignoredDecision(request.approval, request.decision, request.actor),
    streams: [{ name: stream, expectedVersion: 'any' }],
    events: [
      {
        type: 'ApprovalDecisionIgnored',
        stream,
        subjects: (await requestOf(context, approval.approval)).subjects,
        data: {
          thread: approval.thread,
          branch: approval.branch,
          turn: approval.turn,
          approval: approval.approval,
          decision: request.decision,
          actor: request.actor,
          why,
        },
      },
    ],
    meta: { actor: request.actor },
  });
}

/** Whom an approval is about, and where it was asked for. */
async function requestOf(
  context: DecisionContext,
  approval: string,
): Promise<{ readonly subjects: readonly string[]; readonly position: Position }> {
  const [request] = await Array.fromAsync(
    context.store.readStream(context.tenant, streams.approval(approval), { to: 1 }),
  );
  if (!request) throw new ApprovalNotFoundError(approval);
  return request;
}

/** Wakes the turn. False when Temporal is out of reach or the turn has ended; the turn then finds the decision by itself. */
async function tellTurn(context: ClientContext, approval: ApprovalRow): Promise<boolean> {
  try {
    return await signalTurn(context, approval);
  } catch (error) {
    if (error instanceof TemporalUnavailableError || error instanceof ServiceError || isGrpcServiceError(error))
      return false;
    throw error;
  }
}

async function signalTurn(context: ClientContext, approval: ApprovalRow): Promise<boolean> {
  if (approval.turnEnded || !approval.decision) return false;
  const ref = { tenant: context.tenant, thread: approval.thread, branch: approval.branch, turn: approval.turn };
  await context.assertConnected();
  const { temporal, taskQueue } = context.starter;
  const handle = temporal.workflow.getHandle(turnWorkflowId({ ...ref, taskQueue }));
  const notice = { approval: approval.approval, position: approval.decision.position };
  try {
    await handle.signal(approvalDecidedSignal, notice);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // Temporal lost the workflow (a wiped server): its turn starts again from the log and finds its steps recorded.
    const { agent } = await getTurn(context, approval.turn);
    const state = await ensureRunning(context.starter, { ...ref, agent });
    if (state !== 'started' && state !== 'running') return false;
    await handle.signal(approvalDecidedSignal, notice);
  }
  return true;
}
