import { summarisedWords } from './summarised-words.ts';

/** A message as the demo model sees it: content is always text. */
export interface DemoMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly toolCallId: string | null;
}

/** A tool call made since the last user message, with its result. */
export interface FinishedCall {
  readonly name: string;
  /** The arguments as an object; empty where the text was no JSON object. */
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly result: string;
}

/** A memory that the system message offers: `[m3] preference · Ana prefers SMS over email. (since …)`. */
export interface MemoryLine {
  readonly label: string;
  readonly kind: string;
  readonly text: string;
}

/** Everything the rules look at. */
export interface Conversation {
  /** Text of the last user message; empty when there is none. */
  readonly said: string;
  /** Calls since that message that have a result, in order. */
  readonly finished: readonly FinishedCall[];
  readonly memories: readonly MemoryLine[];
  /** User messages before the last one. */
  readonly earlier: readonly string[];
}

/** Gives what the rules need to know about a list of messages. */
export function readConversation(messages: readonly DemoMessage[]): Conversation {
  const at = messages.findLastIndex((message) => message.role === 'user');
  const since = at < 0 ? [] : messages.slice(at + 1);
  const results = new Map(
    since.flatMap((message) => (message.role === 'tool' ? [[message.toolCallId ?? '', message.content] as const] : [])),
  );
  const calls = since.flatMap((message) => message.toolCalls);
  return {
    said: messages[at]?.content ?? '',
    finished: calls.flatMap((call) => {
      const result = results.get(call.id);
      return result === undefined ? [] : [{ name: call.name, arguments: toObject(call.arguments), result }];
    }),
    memories: messages
      .filter((message) => message.role === 'system')
      .flatMap((message) => memoryLines(message.content)),
    earlier: messages
      .slice(0, Math.max(0, at))
      .flatMap((message) =>
        message.role === 'user' ? [message.content] : message.role === 'system' ? summarisedWords(message.content) : [],
      ),
  };
}

const MEMORY_LINE = /^\s*(?:[-*]\s+)?\[([^\]\s]{1,40})\]\s+([\p{L}_-]{1,40})\s+·\s+(.+?)\s*$/u;

/** Gives the memories listed in a system message. */
export function memoryLines(text: string): MemoryLine[] {
  return text.split('\n').flatMap((line) => {
    const [, label, kind, rest] = MEMORY_LINE.exec(line) ?? [];
    if (label === undefined || kind === undefined || rest === undefined) return [];
    // The last pair of brackets tells where the memory is from.
    return [{ label, kind, text: rest.replace(/\s+\([^()]*\)$/, '') }];
  });
}

/** Reads a JSON object; gives an empty one for anything else. */
export function toObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/** True for a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
