import { join, extname } from 'node:path';
import { childEnvironment } from '../config/config.ts';
import { startChild } from '../stack/child-process.ts';
import { readProcessStart } from '../stack/process-identity.ts';
import type { Child, ChildExit } from '../stack/child-process.ts';

/** Times of a run: a worker that is silent for longer is taken for dead; a model call, a round of the sweeper. */
export const times = { heartbeatMs: 1_500, modelTimeoutMs: 3_000, sweepMs: 2_000 };

/** Where workers work. */
export interface WorkerPlace {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly taskQueue: string;
  readonly tenant: string;
  readonly modelUrl: string;
  readonly masterKey: string;
  readonly logFile: string;
  /** Added to the environment of each. */
  readonly environment: Readonly<Record<string, string>>;
  /** Workflow bundles of code versions, oldest first; they differ in their bytes. */
  readonly bundles: readonly string[];
}

/** A worker process and what it runs. */
export interface ChaosWorker extends Child {
  /** Index of its bundle. */
  readonly version: number;
}

/** Worker processes, of which any may die at any moment. */
export interface Workers {
  readonly running: () => readonly ChaosWorker[];
  /** Every process that was ever started, with when it was: numbers of dead ones are given out again. */
  readonly starts: () => ReadonlyMap<number, string>;
  /** Adds one. With a failpoint it ends itself there by SIGKILL. */
  start(options?: { readonly failpoint?: string; readonly version?: number }): Promise<ChaosWorker>;
  /** Has this many run. */
  refill(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Gives workers of a place; none runs yet. */
export function createWorkers(place: WorkerPlace): Workers {
  const running: ChaosWorker[] = [];
  const starts = new Map<number, string>();
  let current = 0;
  const start: Workers['start'] = async ({ failpoint = '', version = current } = {}) => {
    current = version;
    const child = await startChild({
      name: 'worker',
      command: process.execPath,
      args: [join(import.meta.dirname, '..', 'worker', `main${extname(import.meta.filename)}`)],
      env: childEnvironment({
        ...place.environment,
        HOLDFAST_DATABASE_URL: place.databaseUrl,
        HOLDFAST_ADMIN_DATABASE_URL: '',
        HOLDFAST_TEMPORAL_ADDRESS: place.temporalAddress,
        HOLDFAST_TEMPORAL_NAMESPACE: 'default',
        HOLDFAST_TEMPORAL_API_KEY: '',
        HOLDFAST_TASK_QUEUE: place.taskQueue,
        HOLDFAST_TENANT: place.tenant,
        HOLDFAST_MASTER_KEY: place.masterKey,
        HOLDFAST_CONFIG: join(import.meta.dirname, `holdfast.config${extname(import.meta.filename)}`),
        HOLDFAST_WORKFLOW_BUNDLE: place.bundles[version % place.bundles.length] ?? '',
        HOLDFAST_LLM_BASE_URL: place.modelUrl,
        HOLDFAST_LLM_API_KEY: 'none',
        HOLDFAST_MODEL: 'demo',
        HOLDFAST_MODEL_TIMEOUT_MS: String(times.modelTimeoutMs),
        HOLDFAST_EMBEDDER: 'hash',
        HOLDFAST_HEARTBEAT_MS: String(times.heartbeatMs),
        HOLDFAST_SWEEP_MS: String(times.sweepMs),
        HOLDFAST_QUEUES: 'all',
        HOLDFAST_VERSIONING: 'off',
        HOLDFAST_FAILPOINT: failpoint,
      }),
      logFile: place.logFile,
      ready: /worker ready/,
      readyTimeoutMs: 60_000,
    });
    const worker = { ...child, version };
    running.push(worker);
    const began = await readProcessStart(worker.pid);
    if (began !== undefined) starts.set(worker.pid, began);
    void worker.exited.then(() => {
      running.splice(running.indexOf(worker), 1);
    });
    return worker;
  };
  return {
    running: () => [...running],
    starts: () => new Map(starts),
    start,
    refill: async (count) => {
      // One that cannot start because a server is away is started again.
      for (let failures = 0; running.length < count;)
        await start().catch((error: unknown) => {
          if (++failures === 5) throw error;
        });
    },
    stop: async () => {
      await Promise.all(running.map((worker) => worker.stop({ graceMs: 15_000 })));
    },
  };
}

/** Sends SIGKILL to a worker. True when that is what ended it. */
export async function killWorker(worker: ChaosWorker): Promise<boolean> {
  worker.kill();
  return endedByKill(await worker.exited);
}

/** True for the end that SIGKILL gives. */
export function endedByKill({ signal }: ChildExit): boolean {
  return signal === 'SIGKILL';
}
