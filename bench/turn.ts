import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../activities/create-activities.ts';
import { createClient } from '../client/index.ts';
import { decideForTurn } from '../client/decide-for-turn.ts';
import { closeGoneTurn } from '../client/close-gone-turn.ts';
import { openLocalStack } from '../cli/local-stack.ts';
import { findSchema } from '../cli/master-key.ts';
import { loadConfig } from '../config/config.ts';
import { createEventStore, createTenant, openPool } from '../eventstore/index.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOpenAiModel } from '../llm/openai-model.ts';
import { defineAgent } from '../agents/index.ts';
import { defaultTimeouts, replyUpdate, turnWorkflowId } from '../workflows/messages.ts';
import type { bareTurn } from './bare-workflows.ts';

/**
 * A turn (retrieve, demo model over HTTP with no delay, commit, reply by update, extraction behind it) against a bare Temporal
 * workflow with the same hops, alternating in one run on one worker. Prints medians and their ratio; ratios are what counts.
 */
const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, turns: { type: 'string', default: '60' } },
});
const rounds = Number(values.turns);
if (!Number.isInteger(rounds) || rounds < 10)
  throw new Error(`--turns must be a whole number of at least 10; it is ${values.turns}.`);

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const config = loadConfig();
const stack = await openLocalStack({ config, onProgress: (line) => console.error(`  … ${line}`) });
try {
  const id = `bench-${Date.now()}`;
  await createTenant(stack.adminUrl, id);
  const pool = openPool({ url: stack.databaseUrl, applicationName: 'holdfast bench' });
  const connection = await Connection.connect({ address: stack.temporalAddress });
  const native = await NativeConnection.connect({ address: stack.temporalAddress });
  const temporal = new Client({ connection });
  const embedder = createHashEmbedder();
  const agent = defineAgent({ name: 'bench', instructions: 'You are brief.' });
  const schema = await findSchema(config);
  const store = createEventStore({ pool, schema });
  const activities = createActivities({
    store,
    pool,
    agents: new Map([[agent.name, agent]]),
    model: createOpenAiModel({ baseUrl: stack.demoModelUrl, apiKey: 'none', timeoutMs: 10_000 }),
    defaultModel: 'demo',
    embedder,
    codeVersion: 'bench',
    buildId: 'bench',
    decideApproval: (input) => decideForTurn({ store, pool }, input),
    closeGoneTurn: (ref) =>
      closeGoneTurn({ store, starter: { temporal, taskQueue: id, timeouts: defaultTimeouts } }, ref),
    abortTurn: () => Promise.resolve(),
    reached: () => undefined,
    log: (_level, message, details) => console.error(message, details),
  });
  const worker = await Worker.create({
    connection: native,
    taskQueue: id,
    workflowsPath: fileURLToPath(new URL('./bare-workflows.ts', import.meta.url)),
    activities: { ...activities, nothing: () => Promise.resolve() },
  });
  const running = worker.run();
  const client = await createClient({
    database: { url: stack.databaseUrl },
    ...(schema.keyWrapper ? { keyWrapper: schema.keyWrapper } : {}),
    temporal: { address: stack.temporalAddress, taskQueue: id },
    tenant: id,
    embedder,
  });

  const bare = async (n: number): Promise<number> => {
    const started = performance.now();
    const startWorkflowOperation = new WithStartWorkflowOperation<typeof bareTurn>('bareTurn', {
      workflowId: `bare/${id}/${n}`,
      taskQueue: id,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
    await temporal.workflow.executeUpdateWithStart(replyUpdate, { startWorkflowOperation });
    const took = performance.now() - started;
    await temporal.workflow.getHandle(`bare/${id}/${n}`).result();
    return took;
  };
  const turn = async (n: number): Promise<number> => {
    const started = performance.now();
    const sent = await client.turns.send({
      thread: 't',
      message: `I like place number ${n}.`,
      turn: `b-${n}`,
      user: 'u',
      agent: 'bench',
    });
    const took = performance.now() - started;
    if (sent.status !== 'completed') throw new Error(`turn ${n} is ${sent.status}: ${sent.code ?? ''}`);
    await temporal.workflow
      .getHandle(turnWorkflowId({ taskQueue: id, tenant: id, branch: 'main', turn: sent.turn }))
      .result();
    return took;
  };

  for (let n = 0; n < 5; n++) {
    await bare(-n - 1);
    await turn(n + rounds);
  }
  const times: { bare: number[]; turn: number[] } = { bare: [], turn: [] };
  for (let n = 0; n < rounds; n++) {
    times.bare.push(await bare(n));
    times.turn.push(await turn(n));
  }
  const history = await temporal.workflow
    .getHandle(turnWorkflowId({ taskQueue: id, tenant: id, branch: 'main', turn: 'b-0' }))
    .fetchHistory();
  const bareHistory = await temporal.workflow.getHandle(`bare/${id}/0`).fetchHistory();
  const figures = {
    turn_p50_ms: median(times.turn),
    bare_p50_ms: median(times.bare),
    p50_ratio: Math.round((median(times.turn) / median(times.bare)) * 100) / 100,
    events_per_turn: history.events?.length ?? 0,
    bare_events: bareHistory.events?.length ?? 0,
    history_bytes: proto.temporal.api.history.v1.History.encode(history).finish().length,
  };
  if (!values.json) console.log(figures);
  console.log(JSON.stringify({ command: 'bench:turn', ok: true, figures }));
  worker.shutdown();
  await running;
  await client.close();
  await native.close();
  await connection.close();
  await pool.end();
} finally {
  await stack.stop();
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10;
}
