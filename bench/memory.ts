import { parseArgs } from 'node:util';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import pg from 'pg';
import { defineAgent } from '../agents/index.ts';
import { openLocalStack } from '../cli/local-stack.ts';
import { createClient } from '../client/index.ts';
import type { SaidMessage } from '../client/index.ts';
import { loadConfig } from '../config/config.ts';
import {
  createEventStore,
  createMasterKey,
  createTenant,
  localKeyWrapper,
  migrate,
  openPool,
} from '../eventstore/index.ts';
import { startDemoModel } from '../llm/demo-model/server.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOnnxEmbedder } from '../llm/onnx-embedder.ts';
import { createOpenAiModel } from '../llm/openai-model.ts';
import { decideProposals } from '../projections/decide-write.ts';
import { holdfastSchema } from '../projections/index.ts';
import { readViews } from '../projections/read-views.ts';
import { startWorker } from '../worker/create-worker.ts';
import { inTurns, median, quantile, rounded } from './measure.ts';

/**
 * What memory costs: rounds imported per second with and without an embedder, in turns on one server; what a turn's reconcile and the commit with
 * its projections take for a user with hundreds of facts; and the tokens of a prompt over a conversation of 200 turns, compacted
 * and whole (a prompt reads 200 messages at most).
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    /** A folder with an ONNX model; without it vectors are hashes of words. */
    onnx: { type: 'string' },
    imported: { type: 'string', default: '2000' },
    turns: { type: 'string', default: '200' },
  },
});
const [imported, turns] = (['imported', 'turns'] as const).map((name) => {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value >= 20) return value;
  throw new Error(`--${name} must be a whole number of at least 20; it is ${options[name]}.`);
}) as [number, number];
let serial = 0;
const say = (line: string): void => console.error(`  … ${line}`);

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const embedder = options.onnx === undefined ? createHashEmbedder() : await createOnnxEmbedder({ path: options.onnx });
const stack = await openLocalStack({ config: loadConfig(), onProgress: say });
const id = `bench-memory-${Date.now()}`;
const admin = new pg.Pool({ connectionString: stack.adminUrl, max: 1 });
await admin.query(`create database "${id}"`);
const database = new URL(stack.adminUrl);
database.pathname = id;
const url = database.href;
const keyWrapper = localKeyWrapper(createMasterKey());
await migrate({ schema: holdfastSchema, adminUrl: url });
await createTenant(url, id);
const temporal = { address: stack.temporalAddress, namespace: 'default', apiKey: null, taskQueue: id };
const open = (withEmbedder: boolean) =>
  createClient({
    ...{ database: { url }, keyWrapper, tenant: id },
    temporal: { address: stack.temporalAddress, taskQueue: id },
    ...(withEmbedder ? { embedder } : {}),
  });
const [client, plain] = [await open(true), await open(false)];
const pool = openPool({ url, applicationName: 'bench:memory' });
const store = createEventStore({ pool, schema: { ...holdfastSchema, keyWrapper } });
try {
  say(`${imported} rounds, with ${embedder.model} and with no embedder`);
  const rates = await inTurns(3, {
    embedded: () => importRounds(client),
    plain: () => importRounds(plain),
  });

  say('reconcile and commit');
  const { decide, whole } = await reconcileTimes();

  say(`a conversation of ${turns} turns, compacted and whole`);
  const tokens = await promptTokens();

  const figures = {
    rounds_per_second: rounded(rates.embedded),
    rounds_per_second_no_embedder: rounded(rates.plain),
    reconcile_ms_p50: rounded(median(whole)),
    prompt_tokens_ratio_200_turns: rounded(mean(tokens.compacted) / mean(tokens.whole)),
    embedder: embedder.model,
    milliseconds: {
      decide_p50: rounded(median(decide)),
      decide_and_commit_p95: rounded(quantile(whole, 0.95)),
    },
    prompt_tokens: {
      compacted_mean: rounded(mean(tokens.compacted)),
      compacted_most: Math.max(...tokens.compacted),
      whole_mean: rounded(mean(tokens.whole)),
      whole_most: Math.max(...tokens.whole),
    },
  };
  if (!options.json) console.log(figures);
  console.log(JSON.stringify({ command: 'bench:memory', ok: true, figures }));
} finally {
  await client.close();
  await plain.close();
  await pool.end();
  await admin.query(`drop database "${id}" with (force)`);
  await admin.end();
  await stack.stop();
}

async function importRounds(by: typeof client): Promise<number> {
  const user = `user-${(serial += 1)}`;
  const messages = Array.from({ length: imported }, (_, n): SaidMessage[] => [
    { speaker: 'user', text: said(serial * imported + n), at: new Date(Date.UTC(2026, 0, 1) + n * 60_000) },
    { speaker: 'assistant', text: `Understood: ${said(n)}` },
  ]).flat();
  const started = performance.now();
  await by.memory.remember(messages, { user }, { idempotencyKey: user });
  return (imported / (performance.now() - started)) * 1000;
}

/** 300 turns of three facts each for one user: what deciding takes, and deciding with the commit that folds every view. */
async function reconcileTimes(): Promise<{ readonly decide: number[]; readonly whole: number[] }> {
  const decide: number[] = [];
  const whole: number[] = [];
  const tenant = await store.tenantNumber(id);
  const scope = { user: 'reconciled' };
  for (let n = 0; n < 300; n += 1) {
    const key = `reconcile/${n}`;
    const source = { thread: 't', branch: 'main', turn: key, quote: said(n).slice(0, 200) };
    const fact = (relation: string, value: string) => ({
      ...{ action: 'assert' as const, target: null, kind: 'fact' as const, subject: 'user', relation, value },
      ...{ text: `The user ${relation} ${value}.`, confidence: 0.9, source },
      validFrom: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
    });
    const started = performance.now();
    const write = await readViews(pool, tenant, (reader) =>
      decideProposals(reader, {
        ...{ scope, trust: 'direct_user', key },
        // One that replaces, one that is new, one that is known already.
        proposals: [fact('lives_in', `place ${n}`), fact('likes', `thing ${n}`), fact('speaks', 'Portuguese')],
      }),
    );
    decide.push(performance.now() - started);
    await store.append(id, {
      id: key,
      streams: [{ name: write.stream, expectedVersion: write.expectedVersion }],
      events: write.events,
    });
    whole.push(performance.now() - started);
  }
  return { decide, whole };
}

/** Tokens of each turn's prompt, as they are recorded with its step. */
async function promptTokens(): Promise<Record<'compacted' | 'whole', number[]>> {
  const model = await startDemoModel({ port: 0 });
  const memory = { tools: false, extract: false };
  const agents = [
    defineAgent({ name: 'compacted', instructions: 'You are brief.', memory }),
    defineAgent({
      name: 'whole',
      instructions: 'You are brief.',
      memory: { ...memory, compact: false, messageTokens: 10_000_000 },
    }),
  ];
  const worker = await startWorker({
    ...{ databaseUrl: url, keyWrapper, temporal, embedder, defaultModel: 'demo', codeVersion: 'bench', tenants: [id] },
    agents: new Map(agents.map((agent) => [agent.name, agent])),
    model: createOpenAiModel({ baseUrl: model.url, apiKey: 'none', timeoutMs: 60_000 }),
  });
  const tokens: Record<'compacted' | 'whole', number[]> = { compacted: [], whole: [] };
  try {
    for (const name of ['compacted', 'whole'] as const) {
      for (let n = 0; n < turns; n += 1) {
        await client.turns.send({ thread: name, user: name, agent: name, turn: `${name}-${n}`, message: said(n) });
      }
      for (const row of await client.checkpoints.list({ thread: name })) tokens[name].push(row.prompt_tokens);
    }
  } finally {
    await worker.stop();
    await model.close();
  }
  return tokens;
}

/** About 80 words, no two of them alike. */
function said(n: number): string {
  return `On day ${n} we walked from harbour ${n % 97} to market ${n % 89}, past the house of neighbour ${n % 83}, who keeps ${n % 7} dogs. `
    .repeat(4)
    .slice(0, 440);
}

function mean(list: readonly number[]): number {
  return list.reduce((sum, value) => sum + value, 0) / Math.max(1, list.length);
}
