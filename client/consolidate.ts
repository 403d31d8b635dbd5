import {
  isGrpcDeadlineError,
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { NewEvent, StoredEvent } from '../eventstore/index.ts';
import { ExpectedVersionConflictError } from '../eventstore/index.ts';
import type { FactRetired, ObservationDerived, SessionSummarised } from '../memory/care-events.ts';
import { countCare } from '../memory/consolidate/count.ts';
import { itemKey } from '../memory/consolidate/item-key.ts';
import { decideUndo } from '../memory/consolidate/undo.ts';
import { joinNames } from '../memory/entities/names.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commands, streams } from '../memory/keys.ts';
import type { Scope } from '../memory/scope.ts';
import { subjectsOf } from '../memory/subject.ts';
import type { ConsolidationRow } from '../projections/care/queries.ts';
import { listConsolidations, readCaredFacts } from '../projections/care/queries.ts';
import { listMerges } from '../projections/entities/queries.ts';
import { readRetired, readSummary } from '../projections/care/retired.ts';
import type { ViewReader } from '../projections/read-views.ts';
import { readViews } from '../projections/read-views.ts';
import { streamVersion } from '../projections/stream-version.ts';
import { consolidateWorkflow, consolidationWorkflowId } from '../workflows/messages.ts';
import type { consolidate as workflow } from '../workflows/consolidate.ts';
import { isActor } from './actor.ts';
import {
  ConsolidationNotFoundError,
  ConsolidationRunningError,
  InvalidConsolidationError,
  TemporalUnavailableError,
} from './client-errors.ts';
import type { ClientContext } from './send-turn.ts';
import { undoPlaybooks } from './undo-playbooks.ts';

/** A run of consolidation over one scope. */
export interface Consolidate {
  /** Memories that live in exactly this scope, mostly `{ user }`. */
  readonly scope: Omit<Scope, 'fork'>;
  /** The idempotency key: the same name is the same run. @default a new UUID */
  readonly run?: string;
  /** What has expired by then ends. @default now */
  readonly now?: Date;
}

/** How long to wait for the end of a run. */
export interface ConsolidateWait {
  /** In milliseconds; the run goes on after it. @default 300000 */
  readonly timeoutMs?: number;
  /** Stops waiting with the signal's reason; the run goes on. */
  readonly signal?: AbortSignal;
}

const longestRun = 200;

/**
 * Merges near duplicates, derives observations, summarises sessions, learns playbooks and ends what has expired in one scope, in a workflow, and waits for
 * its end. A run that has ended is answered from the log. Throws InvalidConsolidationError, ConsolidationRunningError when the run has not
 * ended in time, TemporalUnavailableError and the errors of the store; after each of the two, the same run can be asked for again.
 */
export async function consolidate(
  context: ClientContext,
  { scope, run = crypto.randomUUID(), now = new Date() }: Consolidate,
  { timeoutMs = 300_000, signal }: ConsolidateWait = {},
): Promise<ConsolidationRow> {
  assertRun(run);
  const { user, agent, thread } = scope;
  if ('fork' in scope || [user, agent, thread].every((part) => part === undefined))
    throw new InvalidConsolidationError('A run needs a scope with a user, an agent or a thread, outside of forks.');
  if (Number.isNaN(now.getTime())) throw new InvalidConsolidationError('`now` is no time.');
  const known = await findRun(context, run);
  if (known) return known;
  await context.assertConnected();
  const { temporal, taskQueue } = context.starter;
  const { tenant } = context;
  const workflowId = consolidationWorkflowId({ taskQueue, tenant, run });
  const place = {
    ...(user === undefined ? {} : { user }),
    ...(agent === undefined ? {} : { agent }),
    ...(thread === undefined ? {} : { thread }),
  };
  const runToItsEnd = async (): Promise<void> => {
    try {
      await temporal.workflow.start<typeof workflow>(consolidateWorkflow, {
        workflowId,
        taskQueue,
        args: [{ tenant, run, scope: place, now: now.toISOString() }],
        // One that was terminated in the middle is gone on with: what it did is keyed by the run.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    await temporal.workflow.getHandle<typeof workflow>(workflowId).result();
  };
  signal?.throwIfAborted();
  const bounded = (): Promise<void> => temporal.connection.withDeadline(Date.now() + timeoutMs, runToItsEnd);
  try {
    await (signal ? temporal.connection.withAbortSignal(signal, bounded) : bounded());
  } catch (error) {
    signal?.throwIfAborted();
    const ended = await findRun(context, run);
    if (ended) return ended;
    // Its workflow was ended from outside, or a server that forgot everything knows it no more: nothing that was committed is lost.
    if (isGrpcDeadlineError(error) || error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)
      throw new ConsolidationRunningError(run, error);
    if (error instanceof ServiceError || isGrpcServiceError(error))
      throw new TemporalUnavailableError(error.message, error);
    throw error;
  }
  return getRun(context, run);
}

/** Runs of consolidation, newest first. */
export async function readConsolidations(
  context: ClientContext,
  filter: { readonly user?: string; readonly limit?: number } = {},
): Promise<ConsolidationRow[]> {
  return readViews(context.pool, await context.store.tenantNumber(context.tenant), (reader) =>
    listConsolidations(reader, filter),
  );
}

/**
 * Takes a run back in one command: facts that it merged or ended hold again, its observations end, and earlier summaries and how-tos stand again, as far
 * as nothing has changed since; the answer lists what was left. No later run does the same again. A run that goes on ends with it.
 * Undoing again gives the first answer. Throws ConsolidationNotFoundError, InvalidConsolidationError and the errors of the store.
 */
export async function undoConsolidation(
  context: ClientContext,
  run: string,
  { actor }: { readonly actor: string },
): Promise<ConsolidationRow> {
  assertRun(run);
  if (!isActor(actor)) throw new InvalidConsolidationError('An undo needs an actor of 1 to 200 plain characters.');
  const tenant = await context.store.tenantNumber(context.tenant);
  for (;;) {
    const known = await findRun(context, run);
    if (known?.undone) return known;
    const undo = await readViews(context.pool, tenant, (reader) => decide(context, reader, run, actor));
    if (undo === null) throw new ConsolidationNotFoundError(run);
    try {
      await context.store.append(context.tenant, {
        id: commands.consolidation(run, 'undone'),
        streams: undo.streams,
        events: undo.events,
        readAt: undo.position,
        meta: { actor },
      });
      return await getRun(context, run);
    } catch (error) {
      // Somebody wrote to the scope, or the run did one thing more: decided again.
      if (!(error instanceof ExpectedVersionConflictError)) throw error;
    }
  }
}

async function decide(context: ClientContext, reader: ViewReader, run: string, actor: string) {
  const done = await context.store.readCommandEvents(context.tenant, { prefixes: [commands.consolidation(run, '')] });
  const scope = done.flatMap(({ data }) => ('scope' in data ? [data.scope] : []))[0];
  if (scope === undefined) return null;
  // What was committed after this snapshot shows as a conflict of versions.
  const seen = done.filter(({ position }) => position <= reader.position);
  const own = {
    retired: seen.filter((event): event is StoredEvent<FactRetired> & typeof event => event.type === 'FactRetired'),
    derived: seen.filter(
      (event): event is StoredEvent<ObservationDerived> & typeof event => event.type === 'ObservationDerived',
    ),
    summarised: seen.filter(
      (event): event is StoredEvent<SessionSummarised> & typeof event => event.type === 'SessionSummarised',
    ),
  };
  const standing = await readCaredFacts(reader, scope);
  const holds = new Set(standing.map(({ fact }) => fact));
  const names = joinNames(await listMerges(reader, scope), standing);
  const { restored, left } = decideUndo(await readRetired(reader, own.retired), standing, names);
  const at = new Date().toISOString();
  const withdrawn = own.derived.map(({ data }) => data.observation).filter((id) => holds.has(id));
  const events: MemoryEvent[] = [
    ...restored.map((data): MemoryEvent => ({ type: 'FactRestored', data: { ...data, run } })),
    ...withdrawn.map((fact): MemoryEvent => ({
      type: 'FactRetired',
      data: { fact, scope, run, why: 'undone', into: null, validTo: at, sources: [] },
    })),
  ];
  const untouched: { id: string; why: string }[] = [...left];
  for (const { data, position } of own.summarised) {
    const { now, before } = await readSummary(reader, { thread: data.thread, branch: data.branch, position });
    if (now !== position) untouched.push({ id: data.thread, why: 'the session was summarised again since' });
    else if (before) events.push({ type: 'SessionSummarised', data: { ...before, scope: data.scope } });
    else {
      const { thread, branch } = data;
      events.push({ type: 'SessionSummaryWithdrawn', data: { thread, branch, scope: data.scope, run } });
    }
  }
  const playbooks = await undoPlaybooks(reader, { run, actor, done: seen });
  events.push(...playbooks.events);
  const stream = streams.consolidation(run);
  const memory = streams.memory(scope);
  const ended = done.some(({ type }) => type === 'ConsolidationCompleted');
  const subjects = subjectsOf(scope);
  const ends: NewEvent<MemoryEvent>[] = [
    ...(ended ? [] : [unfinished(run, scope, done, stream)]),
    {
      type: 'ConsolidationUndone',
      stream,
      data: {
        run,
        scope,
        actor,
        restored: restored.map(({ fact }) => fact),
        withdrawn: [...withdrawn, ...playbooks.withdrawn],
        left: [...untouched, ...playbooks.left],
        items: [...items(own), ...playbooks.items],
      },
    },
  ];
  return {
    position: reader.position,
    streams: [
      { name: memory, expectedVersion: await streamVersion(reader, memory) },
      { name: stream, expectedVersion: 'any' as const, seal: true },
    ],
    events: [...events.map((event) => ({ ...event, stream: memory, subjects })), ...ends],
  };
}

/** The end of a run that never came to its own. */
function unfinished(run: string, scope: Scope, done: readonly MemoryEvent[], stream: string): NewEvent<MemoryEvent> {
  const data = { run, scope, outcome: 'done', reason: null, counts: countCare(done), facts: 0 } as const;
  return { type: 'ConsolidationCompleted', stream, data: { ...data, problems: ['UNDONE_BEFORE_ITS_END'] } };
}

/** What no later run is to do again. */
function items(own: {
  readonly retired: readonly FactRetired[];
  readonly derived: readonly ObservationDerived[];
  readonly summarised: readonly SessionSummarised[];
}): string[] {
  return [
    ...own.retired.map(({ data: { fact, into, why } }) =>
      into !== null ? itemKey.merge(into, fact) : why === 'expired' ? itemKey.expire(fact) : itemKey.unproven(fact),
    ),
    ...own.derived.map(({ data }) => itemKey.observe(data.evidence)),
    ...own.summarised.map(({ data }) => itemKey.summarise(data.thread, data.upTo)),
  ];
}

async function findRun(context: ClientContext, run: string): Promise<ConsolidationRow | undefined> {
  const tenant = await context.store.tenantNumber(context.tenant);
  return (await readViews(context.pool, tenant, (reader) => listConsolidations(reader, { run })))[0];
}

async function getRun(context: ClientContext, run: string): Promise<ConsolidationRow> {
  const row = await findRun(context, run);
  if (!row) throw new ConsolidationNotFoundError(run);
  return row;
}

function assertRun(run: string): void {
  if (run === '' || !run.isWellFormed() || run.includes('\0') || encodeURIComponent(run).length > longestRun)
    throw new InvalidConsolidationError(`A run needs a name of 1 to ${longestRun} plain characters.`);
}
