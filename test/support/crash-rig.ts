import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { defineConfig } from '../../agents/index.ts';
import type { Agent } from '../../agents/index.ts';
import { createClient } from '../../client/index.ts';
import type { HoldfastClient, StreamHub } from '../../client/index.ts';
import { startDemoModel } from '../../llm/demo-model/server.ts';
import type { DemoModel, DemoModelOptions } from '../../llm/demo-model/server.ts';
import type { Refund } from '../../llm/demo-model/payments.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import { startWorker } from '../../worker/create-worker.ts';
import type { RunningWorker, WorkerOptions } from '../../worker/create-worker.ts';
import './quiet-runtime.ts';
import { startWorkerProcess } from './worker-process.ts';
import type { WorkerProcess } from './worker-process.ts';
import { testKeyWrapper } from './test-schema.ts';
import type { TestDatabase } from './with-database.ts';

/** A task queue with a model, a client and workers that come and go. One per test, so that tests may run side by side. */
export interface CrashRig {
  readonly client: HoldfastClient;
  readonly model: DemoModel;
  readonly temporal: Client;
  readonly taskQueue: string;
  /** The demo model's shop. */
  readonly shopUrl: string;
  /** Another client, with connections of its own. */
  anotherClient(): Promise<HoldfastClient>;
  /** Makes the model go wrong from now on; undefined = no longer. */
  script(script: DemoModelOptions['script']): void;
  /** Starts `worker/main.ts` in a process of its own. */
  startProcess(options?: { readonly failpoint?: string; readonly configFile?: string }): Promise<WorkerProcess>;
  /** Starts a worker in this process, from the bundle that was made for the run: ready at once. */
  startHere(
    agents: readonly Agent[],
    options?: Partial<WorkerOptions> & { readonly modelTimeoutMs?: number },
  ): Promise<RunningWorker>;
  /** What the shop has refunded. */
  refunds(): Promise<readonly Refund[]>;
}

/** Times of dead workers in these tests: noticed after 1.5 s. */
const heartbeatMs = 1_500;

/** Builds a rig and takes it down with the test. `onFinished` is the test's `onTestFinished`. */
export async function startRig(
  database: TestDatabase,
  onFinished: (close: () => Promise<void>) => void,
  {
    temporalAddress = inject('servers').temporalAddress,
    hub,
  }: { readonly temporalAddress?: string; readonly hub?: StreamHub } = {},
): Promise<CrashRig> {
  const { workflowBundle } = inject('servers');
  const taskQueue = `crash-${randomBytes(6).toString('hex')}`;
  const closers: (() => Promise<unknown>)[] = [];
  onFinished(async () => {
    for (const close of closers.reverse()) await close();
  });
  let script: DemoModelOptions['script'];
  const model = await startDemoModel({ script: (request, index) => script?.(request, index) });
  closers.push(() => model.close());
  const shopUrl = model.url.replace(/\/v1$/, '');
  const connection = await Connection.connect({ address: temporalAddress });
  closers.push(() => connection.close());
  const connect = async (): Promise<HoldfastClient> => {
    const client = await createClient({
      database: { url: database.url },
      keyWrapper: testKeyWrapper,
      temporal: { address: temporalAddress, taskQueue },
      embedder: createHashEmbedder(),
      heartbeatMs,
      ...(hub ? { hub } : {}),
    });
    closers.push(() => client.close());
    return client;
  };
  return {
    client: await connect(),
    model,
    temporal: new Client({ connection }),
    taskQueue,
    shopUrl,
    anotherClient: connect,
    script: (next) => {
      script = next;
    },
    startProcess: async (options = {}) => {
      const worker = await startWorkerProcess({
        databaseUrl: database.url,
        temporalAddress,
        taskQueue,
        workflowBundle,
        modelUrl: model.url,
        heartbeatMs,
        ...options,
      });
      closers.push(() => worker.kill());
      return worker;
    },
    startHere: async (agents, { modelTimeoutMs = 20_000, ...overrides } = {}) => {
      const worker = await startWorker({
        databaseUrl: database.url,
        keyWrapper: testKeyWrapper,
        temporal: { address: temporalAddress, namespace: 'default', apiKey: null, taskQueue },
        agents: new Map(defineConfig({ agents }).agents.map((agent) => [agent.name, agent])),
        model: createOpenAiModel({ baseUrl: model.url, apiKey: 'none', timeoutMs: modelTimeoutMs }),
        defaultModel: 'demo',
        embedder: createHashEmbedder(),
        codeVersion: 'test',
        tenants: ['default'],
        heartbeatMs,
        ...(hub ? { hub } : {}),
        workflowBundle: { codePath: workflowBundle },
        sweep: { everyMs: null },
        consolidate: { everyMs: null },
        ...overrides,
      });
      closers.push(() => worker.stop());
      return worker;
    },
    refunds: async () => {
      const response = await fetch(`${shopUrl}/payments/refunds`);
      return ((await response.json()) as { refunds: Refund[] }).refunds;
    },
  };
}
