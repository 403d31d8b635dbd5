import { randomUUID } from 'node:crypto';
import { Annotation, StateGraph } from '@langchain/langgraph';
import type { LangGraphRunnableConfig } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { PostgresStore } from '@langchain/langgraph-checkpoint-postgres/store';
import { askModel, serve } from './scenario.ts';

/**
 * A checkpointer with a store beside it: LangGraph with PostgresSaver and PostgresStore. The checkpoint says which node has run;
 * what a node puts into the store is committed by itself. A turn that was interrupted is resumed from its last checkpoint.
 */
const url = process.env['DATABASE_URL'] ?? '';
const saver = PostgresSaver.fromConnString(url);
const store = PostgresStore.fromConnString(url);
await saver.setup();
await store.setup();

const State = Annotation.Root({
  user: Annotation<string>,
  message: Annotation<string>,
  insights: Annotation<string[]>,
  reply: Annotation<string>,
});

const graph = new StateGraph(State)
  .addNode('model', ({ message }) => askModel(message))
  // #region writes
  .addNode('remember', async ({ user, insights }, config: LangGraphRunnableConfig) => {
    for (const content of insights) await config.store?.put([user, 'memories'], randomUUID(), { content });
    return {};
  })
  // #endregion
  .addEdge('__start__', 'model')
  .addEdge('model', 'remember')
  .addEdge('remember', '__end__')
  .compile({ checkpointer: saver, store });

await serve(async ({ turn, user, message }) => {
  const config = { configurable: { thread_id: turn }, durability: 'sync' as const };
  const known = (await graph.getState(config)) as { next: string[]; values: { reply?: string } };
  if (known.next.length === 0 && known.values.reply !== undefined) return known.values.reply;
  const input = known.next.length === 0 ? { user, message } : null;
  const done = (await graph.invoke(input, config)) as { reply: string };
  return done.reply;
});
await store.stop();
await saver.end();
