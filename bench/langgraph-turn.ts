import { AIMessage, HumanMessage } from '@langchain/core/messages';
import { MessagesAnnotation, StateGraph } from '@langchain/langgraph';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import type { ChatModel } from '../llm/ports.ts';

/** A turn of LangGraph with its PostgreSQL checkpointer: one node that asks the model with the whole thread. */
export interface LangGraphTurn {
  run(thread: string, message: string): Promise<void>;
  close(): Promise<void>;
}

/** Prepares the peer on an empty database. The same model answers it. */
export async function openLangGraph(databaseUrl: string, model: ChatModel): Promise<LangGraphTurn> {
  const saver = PostgresSaver.fromConnString(databaseUrl);
  await saver.setup();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('model', async ({ messages }) => {
      const reply = await model.complete({
        model: 'stub',
        messages: messages.map((message) => ({
          role: message.type === 'human' ? 'user' : 'assistant',
          content: typeof message.content === 'string' ? message.content : '',
        })),
      });
      return { messages: [new AIMessage(reply.text ?? '')] };
    })
    .addEdge('__start__', 'model')
    .addEdge('model', '__end__')
    .compile({ checkpointer: saver });
  return {
    run: async (thread, message) => {
      await graph.invoke({ messages: [new HumanMessage(message)] }, { configurable: { thread_id: thread } });
    },
    close: () => saver.end(),
  };
}
