import { createHash } from 'node:crypto';
import { ExpectedVersionConflictError, StreamSealedError } from '../eventstore/index.ts';
import type { NewEvent, StreamExpectation } from '../eventstore/index.ts';
import type { BranchForked, ForkTools, MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import { describeOptionFault, findOptionFault, toChange } from '../memory/model-options.ts';
import { turnScope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import { readViews } from '../projections/read-views.ts';
import { listTurns } from '../projections/threads/queries.ts';
import { TurnIdTakenError } from './client-errors.ts';
import { carriesChange, planChanges } from './fork-changes.ts';
import type { ForkChange } from './fork-changes.ts';
import { BranchTakenError, InvalidForkError } from './fork-errors.ts';
import { findForkPoint } from './fork-point.ts';
import type { ForkPoint } from './fork-point.ts';
import type { ClientContext, TurnResult, WaitOptions } from './send-turn.ts';
import { isPlainId } from './request-turn.ts';
import { awaitReply, getTurn } from './send-turn.ts';

/** A fork to make. */
export interface ForkRequest {
  readonly thread: string;
  /** The branch to leave. @default 'main' */
  readonly branch?: string;
  readonly at: ForkPoint;
  /** Name of the new branch, and the idempotency key: the same name is the same fork. @default a new one */
  readonly name?: string;
  /** Id of the fork's first turn. @default the forked turn's (or the thread's) with `~name` */
  readonly turn?: string;
  readonly change?: ForkChange;
  /**
   * What happens with calls of tools, in all turns of the branch: `stub` gives recorded results of the same calls, `rerun` runs them
   * under keys of their own (approvals are asked for), `forbid` refuses them. @default 'stub'
   */
  readonly tools?: ForkTools;
}

/** A fork as it was recorded. */
export interface Fork {
  readonly thread: string;
  readonly branch: string;
  /** The branch that was being written at the position. */
  readonly parent: string;
  /** What it sees of its parent: everything up to here. */
  readonly position: number;
  /** The turn it goes on with, and how many of its steps it takes over; null between turns. */
  readonly from: { readonly turn: string; readonly steps: number } | null;
  readonly tools: ForkTools;
  /** The fork's first turn; null for a branch that waits to be sent to. */
  readonly turn: TurnResult | null;
}

/**
 * Forks a thread: a new branch that sees what was there at a place, and from then on only itself. Where a turn had not ended, it goes on
 * with it: recorded steps are taken over, the next model call is new. Between turns it asks `change.message`, or just waits for one.
 * Throws ThreadNotFoundError, BranchNotFoundError, TurnNotFoundError, InvalidForkError, BranchTakenError, SubjectForgottenError
 * (a user of the place was forgotten since) and what `sendTurn` throws.
 */
export async function forkBranch(
  context: ClientContext,
  request: ForkRequest,
  options: WaitOptions = {},
): Promise<Fork> {
  const { turn, agent, ...fork } = await recordFork(context, request);
  if (turn === null) return { ...fork, turn: null };
  const known = await getTurn(context, turn);
  if (known.status !== 'running' && known.status !== 'waiting') return { ...fork, turn: known };
  const ref = { tenant: context.tenant, thread: fork.thread, branch: fork.branch, turn, agent };
  return { ...fork, turn: await awaitReply(context, ref, options) };
}

type RecordedFork = Omit<Fork, 'turn'> & { readonly turn: string | null; readonly agent: string };

/** Puts a fork into the log without starting its turn; what a client that dies in the middle leaves behind. Idempotent by name. */
export async function recordFork(context: ClientContext, request: ForkRequest): Promise<RecordedFork> {
  const { thread, branch: from = 'main', at, change = {}, tools = 'stub' } = request;
  const branch = request.name ?? `fork-${crypto.randomUUID().slice(0, 8)}`;
  const id = commands.fork(thread, branch);
  checkRequest(request, branch);
  const modelOptions = toChange(change.modelOptions);
  if (await context.store.readCommand(context.tenant, id)) return readFork(context, request, branch);

  const tenant = await context.store.tenantNumber(context.tenant);
  const planned = await readViews(context.pool, tenant, async (reader) => {
    if (branch === 'main' || (await listTurns(reader, { thread, branch, limit: 1 })).length > 0) return null;
    const place = await findForkPoint(reader, { thread, branch: from, at });
    if (place.open && place.steps > 0 && change.message !== undefined) {
      throw new InvalidForkError(
        `The message cannot change after step ${place.steps}, which answered the one that was there.`,
        `Fork before the first step to change it: \`--at ${place.open.turn}/0\`.`,
      );
    }
    const message = change.message ?? place.open?.message;
    const newTurn = message === undefined ? null : (request.turn ?? turnIdOf(place.open?.turn ?? thread, branch));
    const changes = await planChanges(reader, { thread, branch, place, newTurn, change });
    const subjects = subjectsOf(turnScope({ user: place.last.user, thread }));
    const events: NewEvent<MemoryEvent>[] = [
      {
        type: 'BranchForked',
        stream: streams.thread(thread, branch),
        subjects,
        data: {
          ...{ thread, branch, parent: place.parent, asked: asked(at), position: place.position },
          turn: place.open?.turn ?? null,
          step: place.steps,
          newTurn,
          tools,
          changes: {
            message: change.message !== undefined,
            instructions: change.instructions ?? null,
            model: change.model ?? null,
            ...(Object.keys(modelOptions).length === 0 ? {} : { modelOptions }),
            removed: changes.removed,
            removedBlocks: changes.removedBlocks,
            toolResults: changes.toolResults,
          },
        },
      },
    ];
    if (message !== undefined && newTurn !== null) {
      const { agent, user } = place.open ?? place.last;
      // A turn that goes on stays in its time; a new one is asked now.
      const occurredAt = (place.open?.occurredAt ?? new Date()).toISOString();
      events.push({
        type: 'TurnRequested',
        stream: streams.turn(newTurn),
        subjects,
        data: { turn: newTurn, thread, branch, agent, user, message, occurredAt },
      });
    }
    events.push(...changes.events);
    return { events, position: place.position };
  });
  // Somebody may have forked under the name since we looked.
  if (planned === null) return readFork(context, request, branch);
  const { events, position } = planned;
  try {
    await context.store.append(context.tenant, {
      id,
      streams: expectationsOf(events),
      events,
      readAt: position,
      meta: { actor: 'client' },
    });
  } catch (error) {
    // All streams but that of a turn whose id was given have the branch in their names.
    const isTaken = error instanceof ExpectedVersionConflictError || error instanceof StreamSealedError;
    if (isTaken && request.turn !== undefined) throw new TurnIdTakenError(request.turn, thread);
    throw error;
  }
  return readFork(context, request, branch);
}

/** Readable where it fits; the same for the same fork in any case. */
function turnIdOf(from: string, branch: string): string {
  const id = `${from}~${branch}`;
  return isPlainId(id) ? id : `fork-${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}

/** Every stream is the fork's own, and new. */
function expectationsOf(events: readonly NewEvent<MemoryEvent>[]): StreamExpectation[] {
  return [...new Set(events.map(({ stream }) => stream))].map((name) => ({ name, expectedVersion: 'none' }));
}

function asked(at: ForkPoint): BranchForked['data']['asked'] {
  return 'position' in at
    ? { turn: null, step: null, position: at.position }
    : { turn: at.turn, step: at.step ?? 0, position: null };
}

/** The fork that has the name, if it is the one that is asked for. Throws BranchTakenError. */
async function readFork(context: ClientContext, request: ForkRequest, branch: string): Promise<RecordedFork> {
  const { thread, at, change = {}, tools = 'stub' } = request;
  const events = await context.store.readCommandEvents(context.tenant, {
    ids: [commands.fork(thread, branch)],
    prefixes: [],
  });
  const forked = events.find((event) => event.type === 'BranchForked')?.data;
  const turn = events.find((event) => event.type === 'TurnRequested');
  if (!forked) throw new BranchTakenError(thread, branch);
  const same =
    JSON.stringify(forked.asked) === JSON.stringify(asked(at)) &&
    forked.tools === tools &&
    forked.changes.instructions === (change.instructions ?? null) &&
    forked.changes.model === (change.model ?? null) &&
    JSON.stringify(toChange(forked.changes.modelOptions)) === JSON.stringify(toChange(change.modelOptions)) &&
    // A forgotten message cannot be compared: the fork is the one of that name.
    (turn?.forgotten === true || !forked.changes.message || turn?.data.message === change.message) &&
    forked.changes.message === (change.message !== undefined) &&
    JSON.stringify(forked.changes.removed) === JSON.stringify(change.memory?.facts?.remove ?? []) &&
    carriesChange(events, change);
  if (!same) throw new BranchTakenError(thread, branch);
  return {
    ...{ thread, branch, parent: forked.parent, position: forked.position, tools },
    from: forked.turn === null ? null : { turn: forked.turn, steps: forked.step },
    turn: forked.newTurn,
    agent: turn?.data.agent ?? '',
  };
}

function checkRequest({ thread, turn, at, change }: ForkRequest, branch: string): void {
  for (const [name, value] of Object.entries({ thread, branch, ...(turn === undefined ? {} : { turn }) })) {
    if (isPlainId(value)) continue;
    throw new InvalidForkError(
      `The ${name} must have 1 to 200 plain characters (percent-encoded); it is ${JSON.stringify(value.slice(0, 40))}.`,
      `Give another ${name}.`,
    );
  }
  const fault = findOptionFault(change?.modelOptions ?? {}, 'allowed');
  if (fault) throw new InvalidForkError(describeOptionFault(fault), 'Correct it.');
  const number = 'position' in at ? at.position : (at.step ?? 0);
  if (Number.isSafeInteger(number) && number >= 0) return;
  throw new InvalidForkError(`A place needs a whole number from 0 on; it is ${number}.`, 'Give a step or a position.');
}
