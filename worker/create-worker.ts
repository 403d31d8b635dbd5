import { extname, join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { Client, Connection } from '@temporalio/client';
import type { Agent } from '../agents/define-agent.ts';
import { createActivities } from '../activities/create-activities.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import { decideForTurn } from '../client/decide-for-turn.ts';
import { cancelTurn } from '../client/cancel-turn.ts';
import type { ScheduledTurn } from '../activities/types.ts';
import { requestScheduledTurn } from '../client/request-scheduled-turn.ts';
import { wakeExtraction } from '../client/extract-thread.ts';
import { closeGoneTurn } from '../client/close-gone-turn.ts';
import { assertSafeRole, assertSchema, createEventStore, openPool } from '../eventstore/index.ts';
import type { KeyWrapper } from '../eventstore/index.ts';
import type { ChatModel, Embedder } from '../llm/ports.ts';
import { holdfastSchema } from '../projections/index.ts';
import type { RecallIndexOptions } from '../projections/search/shelves.ts';
import { createRecallIndex } from '../projections/search/shelves.ts';
import { createStreamHub } from '../projections/streaming/hub.ts';
import type { StreamHub } from '../projections/streaming/hub.ts';
import { consolidateDueWorkflow, defaultTimeouts, sweepWorkflow } from '../workflows/messages.ts';
import { archiveHistories } from './archive-histories.ts';
import { buildIdOf, bundleQuietly, deploymentNameOf, makeCurrent } from './deployment.ts';
import { createQueueWorkers } from './queue-workers.ts';
import type { Queues, WorkerVersion } from './queue-workers.ts';
import { embedDocuments } from './embed-documents.ts';
import { openToolSources } from './open-tool-sources.ts';
import { consolidationScheduleId, createDueConsolidation } from './due-consolidation.ts';
import { keepSchedule } from './keep-schedule.ts';
import { createSweepActivities, sweepScheduleId } from './keep-sweeping.ts';

/** Entry point of the workflow bundle: TypeScript in a checkout, JavaScript where the package is installed. */
export const workflowsPath = join(import.meta.dirname, '..', 'workflows', `index${extname(import.meta.filename)}`);

export interface WorkerOptions {
  readonly databaseUrl: string;
  /** Opens the keys under which personal data is stored; the same for every process of a database. */
  readonly keyWrapper: KeyWrapper;
  readonly temporal: {
    readonly address: string;
    readonly namespace: string;
    readonly apiKey: string | null;
    readonly taskQueue: string;
  };
  readonly agents: ReadonlyMap<string, Agent>;
  readonly model: ChatModel;
  readonly defaultModel: string;
  readonly embedder: Embedder;
  readonly codeVersion: string;
  /** Tenants whose ended turns get their Temporal history archived by this worker, and whose broken ones it repairs. */
  readonly tenants: readonly string[];
  /** @default 5000 */
  readonly heartbeatMs?: number;
  /** How broken turns are found and repaired (see sweepTenant), in milliseconds. */
  readonly sweep?: {
    /** Pause between rounds; null = no schedule is made (one that is there goes on). @default 60000 */
    readonly everyMs?: number | null;
    /** What is younger is left to those who are at it. @default 15000 */
    readonly graceMs?: number;
  };
  /** How often memories of users are tended (docs/memory.md): null = no schedule is made. @default every 24 hours */
  readonly consolidate?: { readonly everyMs?: number | null };
  /** What is kept in memory of the scopes that are asked about (docs/recall.md). */
  readonly recall?: RecallIndexOptions;
  /** A bundle made before, to skip bundling at start. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** Give the same to clients in this process: their streams then need not wait for rows. @default one of its own */
  readonly hub?: StreamHub;
  /** What this worker does: turns, what runs behind replies (extraction, archiving, embedding), or both. @default 'all' */
  readonly queues?: Queues;
  /** Turns finish on the version of the code they began on (docs/deploys.md). @default unversioned */
  readonly versioning?: {
    /** @default the task queue's name */
    readonly deploymentName?: string;
    /** @default codeVersion and a digest of the workflow bundle */
    readonly buildId?: string;
  };
  readonly reached?: ActivityDeps['reached'];
  readonly log?: ActivityDeps['log'];
}

/** A worker with the connections it owns. */
export interface RunningWorker {
  /** As Temporal knows it; null without versioning. */
  readonly version: WorkerVersion | null;
  /** Makes this version the one that new turns start on. Does nothing without versioning. Throws DeploymentFailedError. */
  makeCurrent(): Promise<void>;
  /** Settles when the worker has stopped. */
  readonly stopped: Promise<void>;
  /** Finishes what runs, then closes every connection. */
  stop(): Promise<void>;
}

/**
 * The composition root: joins log, model, embedder, agents and Temporal into a worker and runs it. Throws SchemaDriftError or
 * UnsafeRoleError before it takes any work.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const {
    temporal,
    heartbeatMs = defaultTimeouts.heartbeatMs,
    reached = () => undefined,
    log = () => undefined,
  } = options;
  const { everyMs = 60_000, graceMs = 15_000 } = options.sweep ?? {};
  const { everyMs: consolidateMs = 86_400_000 } = options.consolidate ?? {};
  const pool = openPool({ url: options.databaseUrl, applicationName: 'holdfast worker', maxConnections: 20 });
  const closers: (() => Promise<unknown>)[] = [() => pool.end()];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    await assertSafeRole(pool);
    await assertSchema(pool, holdfastSchema);
    const schema = { ...holdfastSchema, keyWrapper: options.keyWrapper };
    const store = createEventStore({ pool, schema });
    const access = {
      address: temporal.address,
      ...(temporal.apiKey === null ? {} : { apiKey: temporal.apiKey, tls: true }),
    };
    const connection = await Connection.connect(access);
    closers.push(() => connection.close());
    const client = new Client({ connection, namespace: temporal.namespace });
    const native = await NativeConnection.connect(access);
    closers.push(() => native.close());

    const sources = await openToolSources(options.agents, log);
    closers.push(() => sources.close());

    const starter = { temporal: client, taskQueue: temporal.taskQueue, timeouts: { ...defaultTimeouts, heartbeatMs } };
    const { queues = 'all', versioning } = options;
    // Made here rather than by the worker: every step records which workflow code asked for it.
    const bundle = options.workflowBundle ?? (await bundleQuietly(workflowsPath));
    const buildId = versioning?.buildId ?? (await buildIdOf(options.codeVersion, bundle));
    const version = versioning
      ? { deploymentName: versioning.deploymentName ?? deploymentNameOf(temporal.taskQueue), buildId }
      : null;
    const stopping = new AbortController();
    const activities = createActivities({
      stopping: stopping.signal,
      store,
      pool,
      agents: sources.agents,
      model: options.model,
      defaultModel: options.defaultModel,
      embedder: options.embedder,
      recall: createRecallIndex(options.recall),
      hub: options.hub ?? createStreamHub(),
      codeVersion: options.codeVersion,
      buildId,
      decideApproval: (input) => decideForTurn({ store, pool }, input),
      closeGoneTurn: (ref) => closeGoneTurn({ store, starter }, ref),
      abortTurn: async (ref, by) => {
        const assertConnected = (): Promise<void> => Promise.resolve();
        await cancelTurn({ tenant: ref.tenant, store, pool, starter, assertConnected }, ref.turn, by);
      },
      wakeExtraction: (ref) => wakeExtraction(starter, ref),
      reached,
      log,
    });
    const workers = await createQueueWorkers({
      connection: native,
      namespace: temporal.namespace,
      taskQueue: temporal.taskQueue,
      queues,
      activities: {
        ...activities,
        requestScheduledTurn: (input: ScheduledTurn) => requestScheduledTurn({ store, pool, starter }, input),
        ...createSweepActivities(
          { store, pool, starter },
          { tenants: options.tenants, agents: options.agents, graceMs, log },
        ),
        ...createDueConsolidation({ store, pool }, options.tenants),
      },
      workflows: { workflowBundle: bundle },
      giveUp: () => stopping.abort(),
      version: version ?? undefined,
    });
    const { tenants } = options;
    const loops =
      queues === 'turns'
        ? []
        : [
            archiveHistories({ store, pool, starter, tenants, log, graceMs: 4 * graceMs }),
            embedDocuments({ pool, schema, embedder: options.embedder, log }),
          ];
    const { taskQueue } = temporal;
    const schedules = [
      { scheduleId: sweepScheduleId(taskQueue), workflow: sweepWorkflow, everyMs },
      {
        scheduleId: consolidationScheduleId(taskQueue),
        workflow: consolidateDueWorkflow,
        args: [{ taskQueue }],
        everyMs: consolidateMs,
      },
    ];
    for (const schedule of queues === 'background' ? [] : schedules) {
      if (schedule.everyMs === null) continue;
      loops.push(keepSchedule({ client, taskQueue, log, ...schedule, everyMs: Math.max(1_000, schedule.everyMs) }));
    }
    const stopped = workers
      .run()
      .finally(() => Promise.all(loops.map((loop) => loop.stop())))
      .finally(close);
    return {
      version,
      makeCurrent: async () => {
        if (version) await makeCurrent(client, version);
      },
      stopped,
      stop: () => {
        workers.shutdown();
        return stopped;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
