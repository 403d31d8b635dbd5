import { assertSafeRole, assertSchema, createEventStore, openPool } from '../eventstore/index.ts';
import type { KeyWrapper, StoredEvent } from '../eventstore/index.ts';
import type { Embedder } from '../llm/ports.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { commandPrefixes, commands } from '../memory/keys.ts';
import { holdfastSchema } from '../projections/index.ts';
import { readViews } from '../projections/read-views.ts';
import { problemOf, scrubber } from '../scrub/scrub.ts';
import type { ScrubPolicy } from '../scrub/scrub.ts';
import type { RecallIndexOptions } from '../projections/search/shelves.ts';
import { createRecallIndex } from '../projections/search/shelves.ts';
import type { StreamHub } from '../projections/streaming/hub.ts';
import type { AllowanceFilter, AllowanceRow } from '../projections/threads/approval-queries.ts';
import { listAllowances } from '../projections/threads/approval-queries.ts';
import type { ApprovalRow, ThreadRow, TurnRow } from '../projections/threads/queries.ts';
import { listApprovals, listThreads, listTurns } from '../projections/threads/queries.ts';
import type { CompactionRow } from '../projections/working/compactions.ts';
import { listSteeredKeys } from '../projections/working/queries.ts';
import { defaultTimeouts } from '../workflows/messages.ts';
import type { CancelOutcome, CancelTurn } from './cancel-turn.ts';
import { cancelTurn } from './cancel-turn.ts';
import { InvalidScrubPolicyError, ThreadNotFoundError } from './client-errors.ts';
import { connectTemporal } from './connect-temporal.ts';
import { decideAll } from './decide-all.ts';
import type { DecisionResult } from './decide-all.ts';
import { decideApproval, findApproval } from './decide-approval.ts';
import type { ApprovalDecision, DecisionOutcome } from './decide-approval.ts';
import { diffBranches } from './diff-branches.ts';
import type { BranchDiff, BranchDiffRequest } from './diff-branches.ts';
import type { ScheduleRow } from '../projections/schedules/queries.ts';
import { changeSchedule, createSchedule, readSchedules } from './schedules.ts';
import type { CreateSchedule, ScheduleOutcome } from './schedules.ts';
import { revokeAllowance } from './revoke-allowance.ts';
import type { RevokeAllowance } from './revoke-allowance.ts';
import { forkBranch } from './fork-branch.ts';
import type { Fork, ForkRequest } from './fork-branch.ts';
import { archivedHistory, explainTurn } from './explain-turn.ts';
import type { ExplainedTurn } from './explain-turn.ts';
import { inspectState, listCheckpoints } from './inspect-state.ts';
import type { Checkpoint, StatePoint, ThreadState } from './inspect-state.ts';
import { streamTurn } from './stream-turn.ts';
import type { StreamOptions } from './stream-turn.ts';
import type { TurnStreamItem } from './tell-turn.ts';
import { createMemory } from './memory.ts';
import type { MemoryClient } from './memory.ts';
import { rerunStep } from './rerun-step.ts';
import type { Rerun, RerunRequest } from './rerun-step.ts';
import { expandSummary, listSummaries } from './summaries.ts';
import type { ExpandedSummary, SummaryFilter } from './summaries.ts';
import { tellWithin } from './tell-within.ts';
import type { TellOptions } from './tell-within.ts';
import { awaitTurn, getTurn, sendTurn } from './send-turn.ts';
import type { ClientContext, SendTurn, TurnResult, WaitOptions } from './send-turn.ts';

export interface ClientOptions {
  readonly database: {
    /** A URL whose user may `set role holdfast_app`. */
    readonly url: string;
    /** A URL whose user may `set role holdfast_owner`; for `memory.forget` only. @default url */
    readonly adminUrl?: string;
    /** @default 10 */
    readonly maxConnections?: number;
  };
  /** Opens the keys under which personal data is stored: the workers' own. Without it, personal data is neither read nor written. */
  readonly keyWrapper?: KeyWrapper;
  readonly temporal: {
    /** host:port */
    readonly address: string;
    /** @default 'default' */
    readonly namespace?: string;
    readonly apiKey?: string;
    /** @default 'holdfast' */
    readonly taskQueue?: string;
  };
  /** @default 'default' */
  readonly tenant?: string;
  /** Searches memory by meaning too; use the workers' embedder. @default words only */
  readonly embedder?: Embedder;
  /** What is taken out of messages before they are stored anywhere (docs/scrubbing.md). @default nothing */
  readonly scrub?: ScrubPolicy;
  /** What is kept in memory of the scopes that are asked about (docs/recall.md). */
  readonly recall?: RecallIndexOptions;
  /** The hub of a worker in this process: streams then need not wait for rows. @default none */
  readonly hub?: StreamHub;
  /** A worker that is silent for longer is taken for dead. @default 5000 */
  readonly heartbeatMs?: number;
}

/** Starts turns, decides approvals, reads memory and checkpoints. Bound to one tenant. */
export interface HoldfastClient {
  readonly tenant: string;
  readonly turns: {
    send(request: SendTurn, options?: WaitOptions): Promise<TurnResult>;
    /** A turn as it happens, by its id, or sent with it: words, tools, approvals, and at the end the result. Resumable by offset. */
    stream(turn: string | SendTurn, options?: StreamOptions): AsyncGenerator<TurnStreamItem, void, undefined>;
    get(turn: string): Promise<TurnResult>;
    /** Waits until the turn is answered, waits for a person, or failed; or the time is up. */
    result(turn: string, options?: WaitOptions): Promise<TurnResult>;
    /** Ends a turn at any point. The log comes first; Temporal need not be in reach. */
    cancel(turn: string, request: CancelTurn, options?: TellOptions): Promise<CancelOutcome>;
    list(filter: { readonly thread: string; readonly branch?: string }): Promise<TurnRow[]>;
    /** What each model call got, why, and what came of it. */
    explain(turn: string): Promise<ExplainedTurn>;
    /** The archived Temporal history, for replay. */
    history(turn: string): Promise<{ workflowId: string; history: Uint8Array; events: number }>;
  };
  readonly threads: {
    list(): Promise<ThreadRow[]>;
    state(request: {
      readonly thread: string;
      readonly branch?: string;
      readonly at?: StatePoint;
    }): Promise<ThreadState>;
    /** What stands in a branch's prompts for its oldest turns, newest first. */
    summaries(filter: SummaryFilter): Promise<CompactionRow[]>;
    /** A summary with every message it stands for. */
    expand(request: SummaryFilter & { readonly summary: string }): Promise<ExpandedSummary>;
    /** Every event of the thread's turns, in order of position. */
    events(thread: string): Promise<StoredEvent<MemoryEvent>[]>;
  };
  readonly checkpoints: {
    list(request: { readonly thread: string; readonly branch?: string }): Promise<Checkpoint[]>;
    /** A new branch at a checkpoint, with something different about it. */
    fork(request: ForkRequest, options?: WaitOptions): Promise<Fork>;
    /** How two branches differ: reply, trajectory, memory. */
    diff(request: BranchDiffRequest): Promise<BranchDiff>;
    /** Makes one recorded model call again, in isolation. */
    rerunStep(request: RerunRequest): Promise<Rerun>;
  };
  readonly approvals: {
    list(filter?: { readonly pending?: boolean; readonly turn?: string }): Promise<ApprovalRow[]>;
    get(approval: string): Promise<ApprovalRow>;
    decide(decision: ApprovalDecision, options?: TellOptions): Promise<DecisionOutcome>;
    /** Decides several at once, each on its own. */
    decideAll(decisions: readonly ApprovalDecision[], options?: TellOptions): Promise<DecisionResult[]>;
    /** Tools that may run in a thread without asking. */
    allowed(filter?: AllowanceFilter): Promise<AllowanceRow[]>;
    /** Has such a tool ask again. */
    revoke(request: RevokeAllowance): Promise<AllowanceRow>;
  };
  readonly schedules: {
    /** Has a timer start turns. */
    create(request: CreateSchedule): Promise<ScheduleOutcome>;
    list(): Promise<ScheduleRow[]>;
    pause(schedule: string, by: { readonly actor: string }): Promise<ScheduleOutcome>;
    resume(schedule: string, by: { readonly actor: string }): Promise<ScheduleOutcome>;
    delete(schedule: string, by: { readonly actor: string }): Promise<ScheduleOutcome>;
  };
  readonly memory: MemoryClient;
  /** Closes both connections. */
  close(): Promise<void>;
}

/**
 * Opens a client. The database is checked at once; Temporal is reached when a turn is sent or a decision is told, so reading
 * works without it. Throws SchemaDriftError, UnsafeRoleError, StoreUnavailableError,
 * InvalidScrubPolicyError.
 */
export async function createClient(options: ClientOptions): Promise<HoldfastClient> {
  const { tenant = 'default', embedder, heartbeatMs = defaultTimeouts.heartbeatMs } = options;
  const { address, namespace = 'default', apiKey, taskQueue = 'holdfast' } = options.temporal;
  const wrong = options.scrub === undefined ? null : problemOf(options.scrub);
  if (wrong !== null) throw new InvalidScrubPolicyError(wrong);
  const clean = scrubber(options.scrub);
  const pool = openPool({ ...options.database, applicationName: 'holdfast client' });
  try {
    await assertSafeRole(pool);
    await assertSchema(pool, holdfastSchema);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const store = createEventStore({
    pool,
    schema: options.keyWrapper ? { ...holdfastSchema, keyWrapper: options.keyWrapper } : holdfastSchema,
  });
  const server = connectTemporal({
    address,
    namespace,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  const context: ClientContext = {
    tenant,
    store,
    pool,
    assertConnected: (withinMs) => server.assertConnected(withinMs),
    starter: { temporal: server.temporal, taskQueue, timeouts: { ...defaultTimeouts, heartbeatMs } },
  };
  const read: <T>(query: Parameters<typeof readViews<T>>[2]) => Promise<T> = async (query) =>
    readViews(pool, await store.tenantNumber(tenant), query);

  return {
    tenant,
    turns: {
      send: (request, wait) => sendTurn(context, { ...request, message: clean(request.message) }, wait),
      stream: (turn, how) =>
        streamTurn(
          { ...context, hub: options.hub },
          typeof turn === 'string' ? turn : { ...turn, message: clean(turn.message) },
          how,
        ),
      get: (turn) => getTurn(context, turn),
      result: (turn, wait) => awaitTurn(context, turn, wait),
      cancel: (turn, request, how = {}) => tellWithin(context, how, (within) => cancelTurn(within, turn, request)),
      list: (filter) => read((reader) => listTurns(reader, filter)),
      explain: (turn) => explainTurn(context, turn),
      history: (turn) => archivedHistory(context, turn),
    },
    threads: {
      list: () => read((reader) => listThreads(reader)),
      state: (request) => inspectState(context, request),
      summaries: (filter) => listSummaries(context, filter),
      expand: (request) => expandSummary(context, request),
      events: (thread) => threadEvents(context, thread),
    },
    checkpoints: {
      list: (request) => listCheckpoints(context, request),
      fork: (request, options) => {
        const { change } = request;
        const message = change?.message;
        return forkBranch(
          context,
          message === undefined ? request : { ...request, change: { ...change, message: clean(message) } },
          options,
        );
      },
      diff: (request) => diffBranches(context, request),
      rerunStep: (request) => rerunStep(context, request),
    },
    approvals: {
      list: (filter = {}) => read((reader) => listApprovals(reader, filter)),
      get: (approval) => findApproval(context, approval),
      decide: (decision, how = {}) => tellWithin(context, how, (within) => decideApproval(within, decision)),
      decideAll: (decisions, how = {}) => tellWithin(context, how, (within) => decideAll(within, decisions)),
      allowed: (filter) => read((reader) => listAllowances(reader, filter)),
      revoke: (request) => revokeAllowance(context, request),
    },
    schedules: {
      create: (request) => createSchedule(context, { ...request, message: clean(request.message) }),
      list: () => readSchedules(context),
      pause: (schedule, { actor }) => changeSchedule(context, schedule, { state: 'paused', actor }),
      resume: (schedule, { actor }) => changeSchedule(context, schedule, { state: 'active', actor }),
      delete: (schedule, { actor }) => changeSchedule(context, schedule, { state: 'deleted', actor }),
    },
    memory: createMemory(context, {
      embedder,
      clean,
      recall: createRecallIndex(options.recall),
      database: options.database,
      keyWrapper: options.keyWrapper,
    }),
    async close() {
      await server.close();
      await pool.end();
    },
  };
}

async function threadEvents(context: ClientContext, thread: string): Promise<StoredEvent<MemoryEvent>[]> {
  const tenant = await context.store.tenantNumber(context.tenant);
  const [turns, steered] = await readViews(context.pool, tenant, (reader) =>
    Promise.all([listTurns(reader, { thread, limit: 10_000 }), listSteeredKeys(reader, thread)]),
  );
  if (turns.length === 0) throw new ThreadNotFoundError(thread);
  return context.store.readCommandEvents(context.tenant, {
    ids: [
      ...turns.map(({ turn }) => commands.requestTurn(turn)),
      ...steered.map(commands.requestTurn),
      ...new Set(turns.map(({ branch }) => commands.fork(thread, branch))),
    ],
    prefixes: turns.flatMap(({ turn }) => commandPrefixes(turn)),
  });
}
