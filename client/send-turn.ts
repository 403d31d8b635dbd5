import { setTimeout as delay } from 'node:timers/promises';
import {
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type pg from 'pg';
import type { EventStore } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { readViews } from '../projections/read-views.ts';
import { listApprovalsBelow } from '../projections/threads/children.ts';
import type { TurnRow } from '../projections/threads/queries.ts';
import { findTurn, listApprovals } from '../projections/threads/queries.ts';
import { closeGoneTurn } from './close-gone-turn.ts';
import { AlreadySteeredError, TemporalUnavailableError, TurnNotFoundError } from './client-errors.ts';
import type { RequestedTurn } from './request-turn.ts';
import { requestTurn } from './request-turn.ts';
import { ensureRunning, startAndAwaitReply } from './start-turn.ts';
import { steerTurn } from './steer-turn.ts';
import type { TurnStarter } from './start-turn.ts';
import type { TurnRef } from '../activities/types.ts';
import { assertIdle, assertWhenBusy, withdrawIfSecond } from './when-busy.ts';
import type { WhenBusy } from './when-busy.ts';

/** What the parts of a client share. */
export interface ClientContext {
  readonly tenant: string;
  readonly store: EventStore<MemoryEvent>;
  readonly pool: pg.Pool;
  readonly starter: TurnStarter;
  /** Throws TemporalUnavailableError when Temporal does not answer. */
  readonly assertConnected: (withinMs?: number) => Promise<void>;
}

/** A message for an agent. */
export interface SendTurn {
  readonly thread: string;
  readonly message: string;
  /** @default 'main' */
  readonly branch?: string;
  /** Whose turn it is: memories follow the user. @default nobody: memories stay in the thread */
  readonly user?: string;
  /** The idempotency key: the same id is the same turn, however often it is sent. @default a new UUID */
  readonly turn?: string;
  readonly agent: string;
  /** When a turn of the thread has not ended: wait for it, or throw ThreadBusyError and append nothing. @default 'queue' */
  readonly whenBusy?: WhenBusy;
  /** When it was said. @default now */
  readonly occurredAt?: Date;
}

export interface WaitOptions {
  /** How long to wait for the reply. The turn goes on without us. @default 60000 */
  readonly timeoutMs?: number;
  /** Stops waiting, not the turn. */
  readonly signal?: AbortSignal;
}

/** A turn as the log has it now. */
export interface TurnResult extends TurnRow {
  /** Approvals that wait for a decision. */
  readonly waitingFor: readonly string[];
}

/** How long a start may take, whatever the caller's patience with the reply. */
const startPatienceMs = 5_000;

/**
 * Puts a message in the log and has the agent answer it. The log comes first: once this has appended, the turn happens, even if
 * this process dies before it is started (the next turn of the thread, or a repeat with the same id, starts it).
 * Gives the turn as it stands when it is answered, waits for a person, failed, or when the time is up.
 * Throws InvalidTurnError, TurnIdTakenError, AlreadySteeredError, ThreadBusyError, TemporalUnavailableError and the errors of the store.
 */
export async function sendTurn(
  context: ClientContext,
  request: SendTurn,
  options: WaitOptions & { readonly onAccepted?: () => void } = {},
): Promise<TurnResult> {
  const { onAccepted, signal } = options;
  signal?.throwIfAborted();
  const { whenBusy = 'queue' } = request;
  assertWhenBusy(whenBusy);
  if (whenBusy === 'reject')
    await assertIdle(context, { thread: request.thread, branch: request.branch ?? 'main', turn: request.turn });
  if (whenBusy === 'steer')
    return sendIntoTurn(context, { ...request, turn: request.turn ?? crypto.randomUUID() }, options);
  const requested = await requestTurn(context, request);
  if (whenBusy === 'reject' && !requested.replayed) await withdrawIfSecond(context, requested);
  onAccepted?.();
  return answered(context, requested, options);
}

async function sendIntoTurn(
  context: ClientContext,
  request: SendTurn & { readonly turn: string },
  options: WaitOptions & { readonly onAccepted?: () => void },
): Promise<TurnResult> {
  for (;;) {
    let put = await steerTurn(context, request);
    if ('into' in put) {
      options.onAccepted?.();
      const result = await awaitReply(context, put.into, options);
      if (isOpen(result)) return result;
      put = await steerTurn(context, request);
      if ('into' in put) return result;
    }
    try {
      // Where no step has read it, it is a turn of its own after all.
      const requested = await requestTurn(context, request, { after: put.alone });
      options.onAccepted?.();
      return await answered(context, requested, options);
    } catch (error) {
      // The same message, sent at the same moment, found a turn that runs.
      if (!(error instanceof AlreadySteeredError)) throw error;
    }
  }
}

async function answered(
  context: ClientContext,
  { turn, thread, branch, agent, replayed }: RequestedTurn,
  options: WaitOptions,
): Promise<TurnResult> {
  if (replayed) {
    // Sent before: when it has ended, the log has the answer and Temporal is not needed.
    const known = await getTurn(context, turn);
    if (!isOpen(known)) return known;
  }
  return awaitReply(context, { tenant: context.tenant, thread, branch, turn, agent }, options);
}

function isOpen({ status }: TurnResult): boolean {
  return status === 'running' || status === 'waiting';
}

/**
 * Has a requested turn answered: starts its workflow or joins the one that runs, and waits. Gives the turn as `sendTurn` does.
 * Throws TemporalUnavailableError.
 */
export async function awaitReply(
  context: ClientContext,
  ref: TurnRef,
  { timeoutMs = 60_000, signal }: WaitOptions = {},
): Promise<TurnResult> {
  const deadline = Date.now() + timeoutMs;
  await context.assertConnected();
  signal?.throwIfAborted();
  const { connection } = context.starter.temporal;
  try {
    // Who hardly waits may be gone before the start has gone out: then the start comes alone, in its own time.
    if (timeoutMs < startPatienceMs)
      await connection.withDeadline(Date.now() + startPatienceMs, () => ensureRunning(context.starter, ref));
    const reply = (): Promise<unknown> =>
      connection.withDeadline(deadline, () => startAndAwaitReply(context.starter, ref));
    await (signal ? connection.withAbortSignal(signal, reply) : reply());
  } catch (error) {
    signal?.throwIfAborted();
    const ended =
      error instanceof WorkflowExecutionAlreadyStartedError ||
      error instanceof WorkflowUpdateFailedError ||
      saysClosed(error);
    // The workflow has ended: the log knows how, unless it was ended from outside.
    if (ended) await closeGoneTurn(context, ref);
    // When only the time is up, the turn goes on. Everything else means that nobody may be working on it.
    else if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) {
      if (error instanceof ServiceError || isGrpcServiceError(error))
        throw new TemporalUnavailableError(error.message, error);
      throw error;
    }
  }
  return awaitTurn(context, ref.turn, { timeoutMs: Math.max(0, deadline - Date.now()), ...(signal ? { signal } : {}) });
}

/** Waits until a turn is answered, waits for a person, or has failed; or until the time is up. Reads the log, nothing else. */
export async function awaitTurn(
  context: ClientContext,
  turn: string,
  { timeoutMs = 60_000, signal }: WaitOptions = {},
): Promise<TurnResult> {
  const deadline = Date.now() + timeoutMs;
  for (let pause = 20; ; pause = Math.min(500, pause * 1.5)) {
    signal?.throwIfAborted();
    const result = await getTurn(context, turn);
    if (result.status !== 'running' || Date.now() >= deadline) return result;
    const left = Math.max(1, deadline - Date.now());
    // Its abort error says less than the signal's reason, which the next look throws.
    await delay(Math.min(pause, left), undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}

/** A turn as the log has it now. Throws TurnNotFoundError. */
export async function getTurn(context: ClientContext, turn: string): Promise<TurnResult> {
  return readViews(context.pool, await context.store.tenantNumber(context.tenant), async (reader) => {
    const row = await findTurn(reader, turn);
    if (!row) throw new TurnNotFoundError(turn);
    const waitingFor =
      row.status === 'waiting'
        ? (await listApprovals(reader, { turn, pending: true })).map(({ approval }) => approval)
        : [];
    // Who waits for another agent that waits for a person waits for that person.
    const below = row.status === 'running' || row.status === 'waiting' ? await listApprovalsBelow(reader, turn) : [];
    const status = below.length > 0 ? 'waiting' : row.status;
    return { ...row, status, waitingFor: [...waitingFor, ...below] };
  });
}

/** The workflow was closed before it took the update: with update and start in one request nothing else is "not found". */
function saysClosed(error: unknown): boolean {
  const cause = error instanceof ServiceError ? error.cause : error;
  if (!isGrpcServiceError(cause)) return false;
  const code: number = cause.code;
  return code === grpcNotFound;
}

/** As in the gRPC specification; its package is not one of ours. */
const grpcNotFound = 5;
