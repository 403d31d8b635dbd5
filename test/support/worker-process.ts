import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { testMasterKey } from './test-schema.ts';

const root = join(import.meta.dirname, '..', '..');

export interface WorkerProcessOptions {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly taskQueue: string;
  /** Made once for the run: bundling in each process would cost seconds of both cores. */
  readonly workflowBundle: string;
  /** Base URL of the demo model, ending in `/v1`; the shop is at the same host. */
  readonly modelUrl: string;
  /** `boundary` or `boundary@turn`: the worker kills itself there. */
  readonly failpoint?: string;
  readonly heartbeatMs?: number;
  /** File with the agents. @default the checkout's own */
  readonly configFile?: string;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker in a process of its own: the only kind that can be killed as a power cut would. */
export interface WorkerProcess {
  /** Settles when the process has gone, with what ended it. */
  readonly exited: Promise<ProcessEnd>;
  /** When it went, by `performance.now()`; undefined while it runs. */
  endedAt(): number | undefined;
  /** Sends SIGKILL and waits until it has gone. */
  kill(): Promise<ProcessEnd>;
  /** Everything it has printed. */
  output(): string;
}

/** Starts `worker/main.ts` and waits until it polls. Throws with its output when it ends before. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const { failpoint, configFile, heartbeatMs = 1_500 } = options;
  const child = spawn(process.execPath, [join(root, 'worker', 'main.ts')], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: options.databaseUrl,
      TEMPORAL_ADDRESS: options.temporalAddress,
      HOLDFAST_MASTER_KEY: testMasterKey,
      HOLDFAST_TASK_QUEUE: options.taskQueue,
      HOLDFAST_WORKFLOW_BUNDLE: options.workflowBundle,
      HOLDFAST_LLM_BASE_URL: options.modelUrl,
      HOLDFAST_MODEL: 'demo',
      HOLDFAST_SHOP_URL: options.modelUrl.replace(/\/v1$/, ''),
      HOLDFAST_HEARTBEAT_MS: String(heartbeatMs),
      ...(failpoint === undefined ? {} : { HOLDFAST_FAILPOINT: failpoint }),
      ...(configFile === undefined ? {} : { HOLDFAST_CONFIG: configFile }),
    },
  });
  let output = '';
  let endedAt: number | undefined;
  const ready = Promise.withResolvers<null>();
  const read = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    if (output.includes('worker ready')) ready.resolve(null);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (code, signal) => {
      endedAt = performance.now();
      resolve({ code, signal });
    });
  });
  const early = await Promise.race([ready.promise, exited]);
  if (early) throw new Error(`The worker ended before it was ready (${JSON.stringify(early)}):\n${output}`);
  return {
    exited,
    endedAt: () => endedAt,
    kill: () => {
      child.kill('SIGKILL');
      return exited;
    },
    output: () => output,
  };
}
