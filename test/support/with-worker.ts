import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, inject } from 'vitest';
import type { Agent } from '../../agents/index.ts';
import { createClient } from '../../client/index.ts';
import type { HoldfastClient } from '../../client/index.ts';
import { startDemoModel } from '../../llm/demo-model/server.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import { startWorker } from '../../worker/create-worker.ts';
import type { RunningWorker, WorkerOptions } from '../../worker/create-worker.ts';
import { testKeyWrapper } from './test-schema.ts';
import type { TestDatabase } from './with-database.ts';

/** A worker in this process on a task queue of its own, with a demo model over HTTP and a client. */
export interface TestWorker {
  readonly client: HoldfastClient;
  readonly taskQueue: string;
  /** Base URL of the demo model. */
  readonly modelUrl: string;
  /** Stops the worker, keeping client and model. */
  stop(): Promise<void>;
  /** Starts a worker on the same queue, after `stop`. */
  start(): Promise<void>;
}

export interface TestWorkerOptions {
  readonly agents: readonly Agent[];
  readonly demoModel?: Parameters<typeof startDemoModel>[0];
  readonly overrides?: Partial<WorkerOptions>;
}

/** Starts worker, model and client before the file's tests and ends them after. Call after `withDatabase`. */
export function withWorker(database: TestDatabase, { agents, demoModel, overrides }: TestWorkerOptions): TestWorker {
  const taskQueue = `test-${randomBytes(6).toString('hex')}`;
  const opened = { taskQueue } as { -readonly [K in keyof TestWorker]: TestWorker[K] };
  let worker: RunningWorker | undefined;
  let model: Awaited<ReturnType<typeof startDemoModel>>;
  opened.start = async () => {
    const { temporalAddress, workflowBundle } = inject('servers');
    worker = await startWorker({
      databaseUrl: database.url,
      keyWrapper: testKeyWrapper,
      temporal: { address: temporalAddress, namespace: 'default', apiKey: null, taskQueue },
      agents: new Map(agents.map((agent) => [agent.name, agent])),
      model: createOpenAiModel({ baseUrl: opened.modelUrl, apiKey: 'none', timeoutMs: 10_000 }),
      defaultModel: 'demo',
      embedder: createHashEmbedder(),
      codeVersion: 'test',
      tenants: ['default'],
      heartbeatMs: 2_000,
      workflowBundle: { codePath: workflowBundle },
      sweep: { everyMs: null },
      consolidate: { everyMs: null },
      ...overrides,
    });
  };
  opened.stop = async () => {
    await worker?.stop();
    worker = undefined;
  };
  beforeAll(async () => {
    model = await startDemoModel({ port: 0, ...demoModel });
    opened.modelUrl = model.url;
    await opened.start();
    opened.client = await createClient({
      database: { url: database.url },
      keyWrapper: testKeyWrapper,
      temporal: { address: inject('servers').temporalAddress, taskQueue },
      embedder: createHashEmbedder(),
      heartbeatMs: 2_000,
    });
  });
  afterAll(async () => {
    await opened.client.close();
    await opened.stop();
    await model.close();
  });
  return opened;
}
