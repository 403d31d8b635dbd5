import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { defineAgent } from '../agents/index.ts';
import { createClient } from '../client/index.ts';
import type { HoldfastClient, SendTurn } from '../client/index.ts';
import {
  createEventStore,
  createMasterKey,
  createTenant,
  localKeyWrapper,
  migrate,
  openPool,
} from '../eventstore/index.ts';
import type { EventStore } from '../eventstore/index.ts';
import { startDemoModel } from '../llm/demo-model/server.ts';
import { createHashEmbedder } from '../llm/hash-embedder.ts';
import { createOpenAiModel } from '../llm/openai-model.ts';
import type { MemoryEvent } from '../memory/events.ts';
import { streams } from '../memory/keys.ts';
import { userSubject } from '../memory/subject.ts';
import { holdfastSchema } from '../projections/index.ts';
import { startPostgres } from '../stack/start-postgres.ts';
import { startTemporal } from '../stack/start-temporal.ts';
import { startWorker } from '../worker/create-worker.ts';
import {
  consolidateDueWorkflow,
  consolidationWorkflowId,
  extractionWorkflowId,
  scheduledTurnWorkflow,
  sweepWorkflow,
  turnWorkflowId,
} from '../workflows/messages.ts';

/**
 * Records the golden histories of a release: `node scripts/record-history.ts v0.1.0`. Run it once per released version of the
 * workflows and never again for that version: the tests replay every recorded history with the workflows of today. Names after the version
 * record only those, for a workflow that has none yet: `node scripts/record-history.ts v0.1.0 consolidate`.
 */
async function main(version: string | undefined, only: readonly string[]): Promise<void> {
  if (version === undefined || !/^v\d+\.\d+\.\d+$/.test(version)) {
    throw new Error('Give the version to record, for example: node scripts/record-history.ts v0.1.0');
  }
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const target = join(import.meta.dirname, '..', 'test', 'histories', version);
  const dir = join(import.meta.dirname, '..', '.holdfast', `record-${process.pid}`);
  await mkdir(dir, { recursive: true });
  const onProgress = (line: string): void => console.error(`  ${line}`);
  const closers: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })];
  try {
    const model = await startDemoModel();
    closers.push(() => model.close());
    // The example reads its shop's address when it is loaded.
    process.env['HOLDFAST_SHOP_URL'] = model.url.replace(/\/v1$/, '');
    const { supportAgent } = await import('../examples/support-agent/agent.ts');
    const postgres = await startPostgres({ dir, port: 25432, onProgress });
    closers.push(() => postgres.stop());
    const temporal = await startTemporal({ dir, port: 27233, headless: true, onProgress });
    closers.push(() => temporal.stop());
    await migrate({ schema: holdfastSchema, adminUrl: postgres.adminUrl });
    await createTenant(postgres.adminUrl, 'default');
    const keyWrapper = localKeyWrapper(createMasterKey());
    const worker = await startWorker({
      databaseUrl: postgres.adminUrl,
      keyWrapper,
      temporal: { address: temporal.address, namespace: 'default', apiKey: null, taskQueue },
      agents: new Map([supportAgent, listener].map((agent) => [agent.name, agent])),
      model: createOpenAiModel({ baseUrl: model.url, apiKey: 'none', timeoutMs: 10_000 }),
      defaultModel: 'demo',
      embedder: createHashEmbedder(),
      codeVersion: version,
      tenants: ['default'],
      // Its rounds are recorded when we ask for one.
      sweep: { everyMs: null },
      consolidate: { everyMs: null },
    });
    closers.push(() => worker.stop());
    const client = await createClient({
      database: { url: postgres.adminUrl },
      keyWrapper,
      temporal: { address: temporal.address },
      embedder: createHashEmbedder(),
    });
    closers.push(() => client.close());
    const connection = await Connection.connect({ address: temporal.address });
    closers.push(() => connection.close());

    const pool = openPool({ url: postgres.adminUrl, applicationName: 'holdfast recorder' });
    closers.push(() => pool.end());
    const store = createEventStore<MemoryEvent>({ pool, schema: { ...holdfastSchema, keyWrapper } });

    await mkdir(target, { recursive: true });
    const isWanted = ([name]: readonly [string, unknown]): boolean => only.length === 0 || only.includes(name);
    for (const [name, play] of Object.entries(turns).filter(isWanted)) {
      await play(client, new Client({ connection }), name);
      const recorded = await recordedHistory(client, name);
      await writeFile(join(target, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
      console.log(`recorded ${version}/${name}.json`);
    }
    for (const [name, { user, facts }] of Object.entries(runs).filter(isWanted)) {
      await put(store, user, [...facts.map(assertion), ...[1, 2, 3].map((n) => workedTurn(user, n))]);
      const said = ['My parcel was broken.', 'It came on Monday.'].map((text) => ({ speaker: 'user', text }));
      await client.memory.remember(said, { user }, { idempotencyKey: name, session: name, occurredAt: seen });
      await client.memory.consolidate({ scope: { user }, run: name, now: seen });
      const workflowId = consolidationWorkflowId({ taskQueue, tenant: 'default', run: name });
      const history = await new Client({ connection }).workflow.getHandle(workflowId).fetchHistory();
      await writeFile(join(target, `${name}.json`), `${JSON.stringify(golden(workflowId, history), null, 2)}\n`);
      console.log(`recorded ${version}/${name}.json`);
    }
    for (const [name, thread] of Object.entries(threads).filter(isWanted)) {
      const workflowId = extractionWorkflowId({ taskQueue, tenant: 'default', thread, branch: 'main' });
      const handle = new Client({ connection }).workflow.getHandle(workflowId);
      await send(client, 'deferred', 'I live in Lisbon.', { thread, agent: listener.name });
      // The first one sets a timer, the second one is enough.
      while ((await handle.describe().catch(() => undefined)) === undefined) await delay(100);
      await delay(1_000);
      await send(client, 'deferred-2', 'I like tea.', { thread, agent: listener.name });
      await handle.result();
      const recorded =
        name === 'deferred' ? await recordedHistory(client, name) : golden(workflowId, await handle.fetchHistory());
      await writeFile(join(target, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
      console.log(`recorded ${version}/${name}.json`);
    }
    for (const [name, start] of Object.entries(others).filter(isWanted)) {
      // Somebody of whom something is new since the last run over them.
      if (name === 'consolidate-due')
        await put(store, 'dora', [assertion(likes('d-tea', 'tea', 'The user likes tea.'))]);
      const recorded = await recordOther(new Client({ connection }), start);
      await writeFile(join(target, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
      console.log(`recorded ${version}/${name}.json`);
    }
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

const taskQueue = 'holdfast';

/** Has turns read later. */
const listener = defineAgent({
  name: 'listener',
  instructions: 'You listen.',
  memory: { tools: false, extract: { everyTurns: 2, afterIdleMs: 60_000 } },
});

/** What is recorded of a thread whose turns are read later: the workflow that reads them, and a turn that leaves it to that one. */
const threads: Readonly<Record<string, string>> = { 'extract-thread': 'recorded-later', deferred: 'recorded-later' };

type Play = (client: HoldfastClient, temporal: Client, turn: string) => Promise<unknown>;

const send = (client: HoldfastClient, turn: string, message: string, more: Partial<SendTurn> = {}) =>
  client.turns.send({ turn, thread: `recorded-${turn}`, user: 'ana', agent: 'support', message, ...more });

/** The turns of a release, by the way each takes through the workflow. */
const turns: Readonly<Record<string, Play>> = {
  plain: (client, _temporal, turn) => send(client, turn, 'My name is Ana. I live in Lisbon.'),
  tool: (client, _temporal, turn) => send(client, turn, 'Where is my order A-1001?'),
  'approval-edit': async (client, _temporal, turn) => {
    const { waitingFor } = await send(client, turn, 'Please refund 80 EUR for order A-1001.');
    for (const approval of waitingFor) {
      const edited = { order: 'A-1001', amount: 60, currency: 'EUR', reason: '' };
      await client.approvals.decide({ approval, decision: 'edit', arguments: edited, actor: 'mia' });
    }
    return client.turns.result(turn);
  },
  failed: (client, _temporal, turn) => send(client, turn, 'Hello', { agent: 'nobody' }),
  cancelled: async (client, temporal, turn) => {
    await send(client, turn, 'Please refund 80 EUR for order A-1001.');
    await temporal.workflow.getHandle(turnWorkflowId({ taskQueue, tenant: 'default', branch: 'main', turn })).cancel();
  },
};

async function recordedHistory(client: HoldfastClient, turn: string) {
  for (let tries = 0; ; tries += 1) {
    try {
      const { workflowId, history } = await client.turns.history(turn);
      const decoded = proto.temporal.api.history.v1.History.decode(history);
      return golden(workflowId, decoded);
    } catch (error) {
      if (tries === 200) throw error;
      await delay(100);
    }
  }
}

interface OtherStart {
  readonly workflow: string;
  readonly workflowId: string;
  readonly args: unknown[];
}

const seen = new Date('2026-06-01T00:00:00.000Z');

interface GivenFact {
  readonly fact: string;
  readonly value: string;
  readonly text: string;
  readonly validFrom?: string;
  readonly expiresAt?: string;
}
interface Given {
  readonly key: string;
  readonly events: (user: string) => readonly MemoryEvent[];
}

const likes = (fact: string, value: string, text: string): GivenFact => ({ fact, value, text });

function assertion(given: GivenFact): Given {
  const { fact, text } = given;
  const source = { thread: 'talk', branch: 'main', turn: `turn of ${fact}`, quote: text };
  return {
    key: fact,
    events: (user) => [
      {
        type: 'FactAsserted',
        data: {
          ...{ scope: { user }, kind: 'preference', subject: 'user', relation: 'likes', confidence: 0.8 },
          ...{ trust: 'direct_user', validFrom: '2026-03-01T00:00:00.000Z', validTo: null, replaces: null },
          ...{ disputedWith: null, contentHash: `digest of ${fact}`, source, ...given },
        },
      },
    ],
  };
}

async function put(store: EventStore<MemoryEvent>, user: string, given: readonly Given[]): Promise<void> {
  const stream = streams.memory({ user });
  for (const { key, events } of given) {
    await store.append('default', {
      id: `given/${user}/${key}`,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: events(user).map((event) => ({ ...event, stream, subjects: [userSubject(user)] })),
    });
  }
}

/** A turn in which both tools of the agent worked. */
function workedTurn(user: string, n: number): Given {
  const ref = { thread: `${user}-thread-${n}`, branch: 'main', turn: `${user}-${n}` };
  return {
    key: ref.turn,
    events: () => [
      {
        type: 'TurnRequested',
        data: { ...ref, agent: 'support', user, message: `Refund broken order A-${n}`, occurredAt: seen.toISOString() },
      },
      ...['lookup_order', 'refund_order'].map((tool, index): MemoryEvent => ({
        type: 'ToolCompleted',
        data: {
          ...{ ...ref, step: index + 1, ordinal: 0, call: `c${index}`, tool, outcome: 'ok', code: null },
          ...{ arguments: { order: `A-${n}` }, result: 'done', effectKey: `${ref.turn}/${index}`, durationMs: 1 },
        },
      })),
      { type: 'TurnCompleted', data: { ...ref, steps: 3 } },
    ],
  };
}

/** Runs of consolidation, by what they find: something of every kind to do, and so much to merge that the guard stops them. */
const runs: Readonly<Record<string, { readonly user: string; readonly facts: readonly GivenFact[] }>> = {
  consolidate: {
    user: 'bea',
    facts: [
      likes('b-tea', 'tea', 'The user likes tea.'),
      { ...likes('b-tea2', 'tea', 'User likes the tea'), validFrom: '2026-04-01T00:00:00.000Z' },
      ...['sun', 'sea', 'art', 'dogs', 'jazz'].map((value) => likes(`b-${value}`, value, `The user likes ${value}.`)),
      { ...likes('b-fog', 'fog', 'The user likes fog.'), expiresAt: '2026-05-01T00:00:00.000Z' },
    ],
  },
  'consolidate-refused': {
    user: 'cara',
    facts: ['tea', 'jazz'].flatMap((value) => [
      likes(`c-${value}`, value, `The user likes ${value}.`),
      { ...likes(`c-${value}2`, value, `User likes ${value}!`), validFrom: '2026-04-01T00:00:00.000Z' },
    ]),
  },
};

/** Workflows beside turns: a round of the sweeper, a schedule that fires, and a round of consolidation over whoever has something new. */
const others: Readonly<Record<string, OtherStart>> = {
  sweep: { workflow: sweepWorkflow, workflowId: 'recorded-sweep', args: [] },
  'consolidate-due': {
    workflow: consolidateDueWorkflow,
    workflowId: 'recorded-consolidation-2026-06-02T00:00:00Z',
    args: [{ taskQueue }],
  },
  'scheduled-turn': {
    workflow: scheduledTurnWorkflow,
    workflowId: 'recorded-schedule-2026-05-30T18:00:00Z',
    args: [{ tenant: 'default', schedule: 'recorded' }],
  },
};

async function recordOther(temporal: Client, { workflow, workflowId, args }: OtherStart) {
  await temporal.workflow.execute(workflow, { workflowId, taskQueue, args });
  return golden(workflowId, await temporal.workflow.getHandle(workflowId).fetchHistory());
}

function golden(workflowId: string, history: proto.temporal.api.history.v1.IHistory) {
  anonymise(history);
  const bytes = proto.temporal.api.history.v1.History.encode(history).finish();
  return { workflowId, encoding: 'temporal-history-protobuf+base64', history: Buffer.from(bytes).toString('base64') };
}

/** Takes out what names the machine it was recorded on: process identities and stack traces. Replay reads neither. */
function anonymise(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  const record = value as Record<string, unknown>;
  for (const [key, inner] of Object.entries(record)) {
    // Process identities, also as the first part of sticky queues' names, are `pid@host`.
    if (typeof inner === 'string' && /^\d+@/.test(inner)) record[key] = 'recorder';
    else if (typeof inner === 'string' && key === 'stackTrace') record[key] = '';
    else anonymise(inner);
  }
}

await main(process.argv[2], process.argv.slice(3));
