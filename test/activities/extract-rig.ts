import { afterAll, beforeAll } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { extractMemory } from '../../activities/extract-memory.ts';
import { defineAgent } from '../../agents/index.ts';
import { startDemoModel } from '../../llm/demo-model/server.ts';
import type { DemoModel } from '../../llm/demo-model/server.ts';
import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { createRecallIndex } from '../../projections/search/shelves.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import type { ExtractionCompleted, MemoryEvent } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { readViews } from '../../projections/read-views.ts';
import { listFacts } from '../../projections/semantic/queries.ts';
import type { FactRow } from '../../projections/semantic/queries.ts';
import { requestTurn } from '../support/request-turn.ts';
import type { TestDatabase } from '../support/with-database.ts';

const never = (): never => {
  throw new Error('not part of extraction');
};

/** Runs extraction alone, against a real log and a real HTTP model that answers what a test tells it to. */
export function withExtraction(database: TestDatabase) {
  let server: DemoModel;
  let script: (() => Misbehaviour | undefined) | undefined;
  const asked: unknown[] = [];
  let turns = 0;
  beforeAll(async () => {
    server = await startDemoModel({
      script: ({ body }) => {
        asked.push(body);
        return script?.();
      },
    });
  });
  afterAll(() => server.close());

  const agents = [
    defineAgent({ name: 'model', instructions: 'You listen.' }),
    defineAgent({ name: 'rules', instructions: 'You listen.', memory: { extractor: 'rules' } }),
  ];
  const deps = (change: Partial<ActivityDeps> = {}): ActivityDeps => ({
    ...{ store: database.store, pool: database.pool, defaultModel: 'demo', codeVersion: '0', buildId: '0' },
    agents: new Map(agents.map((agent) => [agent.name, agent])),
    model: createOpenAiModel({ baseUrl: server.url, apiKey: '', timeoutMs: 5_000 }),
    embedder: createHashEmbedder(),
    recall: createRecallIndex(),
    ...{ closeGoneTurn: never, decideApproval: never, abortTurn: never, wakeExtraction: never },
    ...{ reached: () => undefined, log: () => undefined },
    ...change,
  });

  return {
    asked,
    deps,
    /** The n-th call gets the n-th text; later ones are answered by the demo model's rules. */
    answer(...texts: readonly (string | Misbehaviour)[]): void {
      const left = [...texts];
      script = () => {
        const next = left.shift();
        return typeof next === 'string' ? { kind: 'reply', text: next } : next;
      };
    },
    /** Puts a message of a user in the log and gives the turn's id. */
    async say(user: string, message: string, agent = 'model'): Promise<string> {
      const turn = `said-${(turns += 1)}`;
      await requestTurn(database.store, { turn, thread: `of ${user}`, message, agent, user });
      return turn;
    },
    extract: (
      turn: string,
      user: string,
      { agent = 'model', ...change }: Partial<ActivityDeps> & { agent?: string } = {},
    ) =>
      extractMemory(
        deps(change),
        { tenant: 'default', thread: `of ${user}`, branch: 'main', turn, agent },
        { signal: new AbortController().signal, attempt: 1, scheduledAt: 0, workflow: { workflowId: '', runId: '' } },
      ),
    async completed(turn: string): Promise<ExtractionCompleted['data']> {
      const events: MemoryEvent[] = await Array.fromAsync(
        database.store.readStream('default', streams.extraction(turn)),
      );
      const [first, ...more] = events.filter((event) => event.type === 'ExtractionCompleted');
      if (!first || more.length > 0) throw new Error(`${events.length} events of the extraction of ${turn}`);
      return first.data;
    },
    async facts(user: string, past = false): Promise<FactRow[]> {
      const tenant = await database.store.tenantNumber('default');
      return readViews(database.pool, tenant, (reader) => listFacts(reader, { reader: { user }, past }));
    },
  };
}
