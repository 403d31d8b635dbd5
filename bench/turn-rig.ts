import { fileURLToPath } from 'node:url';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import proto from '@temporalio/proto';
import { NativeConnection, Worker } from '@temporalio/worker';
import pg from 'pg';
import { z } from 'zod';
import { defineAgent, defineTool } from '../agents/index.ts';
import { createClient } from '../client/index.ts';
import type { HoldfastClient } from '../client/index.ts';
import type { openLocalStack } from '../cli/local-stack.ts';
import { createMasterKey, createTenant, localKeyWrapper, migrate } from '../eventstore/index.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOpenAiModel } from '../llm/openai-model.ts';
import { holdfastSchema } from '../projections/index.ts';
import { startWorker } from '../worker/create-worker.ts';
import { replyUpdate, turnWorkflowId } from '../workflows/messages.ts';
import type { bareTurn } from './bare-workflows.ts';
import type { StubModel } from './stub-model.ts';

/** Holdfast and bare Temporal beside each other on one pair of servers. */
export interface TurnRig {
  readonly client: HoldfastClient;
  readonly admin: pg.Pool;
  /** Sends a turn and gives what the reply took, in milliseconds. */
  turn(thread: string, turn: string, options?: TurnOptions): Promise<number>;
  /** Waits until what goes on behind a reply has ended, too. */
  ended(turn: string): Promise<void>;
  /** Starts a bare workflow with so many activities and gives what its reply took, in milliseconds. */
  bare(name: string, activities: 1 | 3): Promise<number>;
  /** The history of a turn: events and bytes. */
  history(turn: string): Promise<{ readonly events: number; readonly bytes: number }>;
  /** An empty database on the same server. */
  createDatabase(name: string): Promise<string>;
  close(): Promise<void>;
}

export interface TurnOptions {
  readonly message?: string;
  /** `plain` remembers nothing behind the reply; `extracting` finds facts; `tools` has large results. @default 'plain' */
  readonly agent?: 'plain' | 'extracting' | 'tools';
  readonly timeoutMs?: number;
}

/** Characters of a result of the tool `large`. */
export const largeResult = 200 * 1024;

const large = defineTool({
  name: 'large',
  description: 'Gives a large text.',
  input: z.object({ n: z.number() }),
  repeatable: true,
  execute: ({ n }) => `${n} `.repeat(largeResult / 2).slice(0, largeResult),
});
const memory = { tools: false };
const agents = [
  defineAgent({ name: 'plain', instructions: 'You are brief.', memory: { ...memory, extract: false } }),
  defineAgent({ name: 'extracting', instructions: 'You are brief.', memory }),
  defineAgent({
    name: 'tools',
    instructions: 'You are brief.',
    tools: [large],
    memory: { ...memory, extract: false },
    limits: { maxToolCalls: 200, maxTokens: 1e9 },
  }),
];

/** Opens everything on a running stack. */
export async function openTurnRig(
  stack: Awaited<ReturnType<typeof openLocalStack>>,
  stub: StubModel,
): Promise<TurnRig> {
  const id = `bench-${Date.now()}`;
  const admin = new pg.Pool({ connectionString: stack.adminUrl, max: 2 });
  const createDatabase = async (name: string): Promise<string> => {
    await admin.query(`create database "${id}-${name}"`);
    const url = new URL(stack.adminUrl);
    url.pathname = `${id}-${name}`;
    return url.href;
  };
  // A database of its own: its growth is that of the turns.
  const url = await createDatabase('turns');
  const keyWrapper = localKeyWrapper(createMasterKey());
  await migrate({ schema: holdfastSchema, adminUrl: url });
  await createTenant(url, id);
  const own = new pg.Pool({ connectionString: url, max: 2 });
  const embedder = createHashEmbedder();
  const worker = await startWorker({
    databaseUrl: url,
    keyWrapper,
    temporal: { address: stack.temporalAddress, namespace: 'default', apiKey: null, taskQueue: id },
    agents: new Map(agents.map((agent) => [agent.name, agent])),
    model: createOpenAiModel({ baseUrl: stub.url, apiKey: 'none', timeoutMs: 60_000 }),
    defaultModel: 'stub',
    embedder,
    codeVersion: 'bench',
    tenants: [id],
  });
  const client = await createClient({
    database: { url, maxConnections: 20 },
    keyWrapper,
    temporal: { address: stack.temporalAddress, taskQueue: id },
    tenant: id,
    embedder,
  });
  const native = await NativeConnection.connect({ address: stack.temporalAddress });
  const connection = await Connection.connect({ address: stack.temporalAddress });
  const temporal = new Client({ connection });
  const bareWorker = await Worker.create({
    connection: native,
    taskQueue: `${id}-bare`,
    workflowsPath: fileURLToPath(new URL('./bare-workflows.ts', import.meta.url)),
    activities: { nothing: () => Promise.resolve() },
  });
  const bareRunning = bareWorker.run();
  const workflowOf = (turn: string) =>
    temporal.workflow.getHandle(turnWorkflowId({ taskQueue: id, tenant: id, branch: 'main', turn }));
  return {
    client,
    admin: own,
    createDatabase,
    turn: async (thread, turn, { message = `I like place ${turn}.`, agent = 'plain', timeoutMs = 60_000 } = {}) => {
      const started = performance.now();
      const sent = await client.turns.send({ thread, turn, message, user: 'u', agent }, { timeoutMs });
      const took = performance.now() - started;
      if (sent.status !== 'completed') throw new Error(`turn ${turn} is ${sent.status}: ${sent.code ?? ''}`);
      return took;
    },
    ended: async (turn) => {
      await workflowOf(turn).result();
    },
    bare: async (name, activities) => {
      const started = performance.now();
      const startWorkflowOperation = new WithStartWorkflowOperation<typeof bareTurn>('bareTurn', {
        workflowId: `bare/${id}/${name}`,
        taskQueue: `${id}-bare`,
        args: [activities],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      await temporal.workflow.executeUpdateWithStart(replyUpdate, { startWorkflowOperation });
      return performance.now() - started;
    },
    history: async (turn) => {
      const history = await workflowOf(turn).fetchHistory();
      const bytes = proto.temporal.api.history.v1.History.encode(history).finish().length;
      return { events: history.events?.length ?? 0, bytes };
    },
    close: async () => {
      bareWorker.shutdown();
      await bareRunning;
      await client.close();
      await worker.stop();
      await connection.close();
      await native.close();
      await own.end();
      await admin.query(`drop database "${id}-turns" with (force)`);
      await admin.end();
    },
  };
}
