import type { StoredEvent } from '../eventstore/index.ts';
import { cleanText } from '../eventstore/index.ts';
import type { MemoryEvent } from '../memory/events.ts';
import type { ThreadMessage } from '../memory/prompt.ts';
import type { ClientContext } from './send-turn.ts';

/** The event at a position; undefined beyond the head. */
export async function eventAt(context: ClientContext, position: number): Promise<StoredEvent<MemoryEvent> | undefined> {
  for await (const event of context.store.readLog(context.tenant, { after: position - 1, upTo: position }))
    return event;
  return undefined;
}

/** The message of a conversation that an event holds, as prompts show it; null for other events. */
export function toThreadMessage(event: StoredEvent<MemoryEvent>): ThreadMessage | null {
  const { position } = event;
  switch (event.type) {
    case 'TurnRequested':
    case 'MessageSteered':
      return { role: 'user', content: cleanText(event.data.message), position };
    case 'StepCompleted':
      return {
        role: 'assistant',
        content: event.data.text === null ? null : cleanText(event.data.text),
        toolCalls: event.data.toolCalls.map((call) => ({
          id: cleanText(call.id),
          name: cleanText(call.name),
          arguments: cleanText(call.arguments),
        })),
        position,
      };
    case 'ToolCompleted':
      return { role: 'tool', content: cleanText(event.data.result), toolCallId: cleanText(event.data.call), position };
    default:
      return null;
  }
}
