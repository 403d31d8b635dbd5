import { z } from 'zod';
import { ModelError } from './model-error.ts';
import type { ChatReply, ChatRequest, TokenUsage, ToolCall } from './ports.ts';

// "OpenAI-compatible" servers leave out much of what the client's types promise, so replies are checked here.
const textSchema = z
  .union([
    z.string(),
    z
      .array(z.object({ text: z.string().optional() }))
      .transform((parts) => parts.map((part) => part.text ?? '').join('')),
  ])
  .nullish();
const usageSchema = z
  .object({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() })
  .nullish();
const callSchema = z.object({
  index: z.number().nullish(),
  id: z.string().nullish(),
  function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }).nullish(),
});
const messageSchema = z.object({
  content: textSchema,
  refusal: z.string().nullish(),
  tool_calls: z.array(callSchema).nullish(),
});
const headSchema = { id: z.string().nullish(), model: z.string().nullish(), usage: usageSchema };
const completionSchema = z.object({
  ...headSchema,
  choices: z.array(z.object({ message: messageSchema, finish_reason: z.string().nullish() })).min(1),
});
const chunkSchema = z.object({
  ...headSchema,
  choices: z.array(z.object({ delta: messageSchema.nullish(), finish_reason: z.string().nullish() })).nullish(),
});

/** Gives the reply of a request that was not streamed. Throws MODEL_BAD_REPLY when the body is no completion. */
export function readCompletion(body: unknown, request: ChatRequest): ChatReply {
  const draft = new ReplyDraft();
  const parsed = completionSchema.safeParse(body);
  if (!parsed.success) throw badReply(request, 'a chat completion with at least one choice', describe(body));
  const [choice] = parsed.data.choices;
  draft.head(parsed.data);
  if (choice !== undefined) {
    draft.add(choice.message);
    draft.finish = choice.finish_reason ?? 'stop';
  }
  return draft.toReply(request);
}

/** Assembles a streamed reply; `onText` hears each piece of text. Throws MODEL_BAD_REPLY when the stream is cut off. */
export async function readStream(
  chunks: AsyncIterable<unknown>,
  request: ChatRequest,
  onText: (piece: string) => void,
): Promise<ChatReply> {
  const draft = new ReplyDraft();
  for await (const chunk of chunks) {
    const parsed = chunkSchema.safeParse(chunk);
    if (!parsed.success) throw badReply(request, 'a chat completion chunk', describe(chunk));
    draft.head(parsed.data);
    const choice = parsed.data.choices?.[0];
    if (choice?.delta) {
      draft.add(choice.delta);
      if (choice.delta.content) onText(choice.delta.content);
    }
    draft.finish = choice?.finish_reason ?? draft.finish;
  }
  return draft.toReply(request);
}

class ReplyDraft {
  finish: string | undefined;
  #id = 'call';
  #model: string | undefined;
  #text = '';
  #refusal = '';
  #usage: TokenUsage = { inputTokens: 0, outputTokens: 0 };
  readonly #calls: { index: number | undefined; id: string; name: string; arguments: string }[] = [];

  head(part: {
    id?: string | null | undefined;
    model?: string | null | undefined;
    usage?: z.infer<typeof usageSchema>;
  }): void {
    if (part.id) this.#id = part.id;
    if (part.model) this.#model = part.model;
    if (part.usage) {
      this.#usage = { inputTokens: part.usage.prompt_tokens ?? 0, outputTokens: part.usage.completion_tokens ?? 0 };
    }
  }

  add(message: z.infer<typeof messageSchema>): void {
    this.#text += message.content ?? '';
    this.#refusal += message.refusal ?? '';
    for (const delta of message.tool_calls ?? []) this.#addCall(delta);
  }

  #addCall(delta: z.infer<typeof callSchema>): void {
    const index = delta.index ?? undefined;
    const last = this.#calls.at(-1);
    // Some servers number no deltas: then a new id, or a name for a call that has one, starts the next call.
    const startsNew = delta.id ? delta.id !== last?.id : Boolean(delta.function?.name && last?.name);
    let call = index === undefined ? (startsNew ? undefined : last) : this.#calls.find((one) => one.index === index);
    if (call === undefined) {
      call = { index, id: '', name: '', arguments: '' };
      this.#calls.push(call);
    }
    if (call.id === '') call.id = delta.id ?? '';
    if (call.name === '') call.name = delta.function?.name ?? '';
    call.arguments += delta.function?.arguments ?? '';
  }

  toReply(request: ChatRequest): ChatReply {
    if (this.finish === undefined) throw badReply(request, 'a stream that ends with a finish reason', 'one cut off');
    const toolCalls = this.#calls.map((call, at): ToolCall => {
      if (call.name === '') throw badReply(request, 'tool calls with a name', 'one without');
      return { id: call.id || `${this.#id}_${String(at)}`, name: call.name, arguments: call.arguments || '{}' };
    });
    const refusal = this.#refusal === '' ? null : this.#refusal;
    const finishReason = toFinishReason(this.finish, toolCalls.length > 0);
    if (finishReason === 'stop' && this.#text.trim() === '' && refusal === null) {
      throw badReply(request, 'text, a tool call or a refusal', 'an empty reply');
    }
    const mustBeJson = request.responseSchema !== undefined && finishReason === 'stop' && refusal === null;
    const text = mustBeJson ? onlyJson(this.#text, request) : this.#text;
    return {
      model: this.#model ?? request.model,
      text: text === '' ? null : text,
      toolCalls,
      finishReason,
      refusal,
      usage: this.#usage,
    };
  }
}

function toFinishReason(given: string, hasCalls: boolean): ChatReply['finishReason'] {
  if (given === 'length' || given === 'content_filter') return given;
  // Several servers finish a reply that holds tool calls with "stop".
  return hasCalls ? 'tool_calls' : 'stop';
}

// Without enforced schemas, models like to wrap the value in a code fence or a sentence.
function onlyJson(text: string, request: ChatRequest): string {
  const fenced = /```(?:json)?\s*([\s\S]*?)```/.exec(text)?.[1];
  const outer = text.slice(text.search(/[[{]/), Math.max(text.lastIndexOf('}'), text.lastIndexOf(']')) + 1);
  const found = [text, fenced, outer].find((candidate) => candidate !== undefined && isJson(candidate));
  if (found === undefined) throw badReply(request, 'one JSON value', 'text that is not JSON');
  return found.trim();
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function badReply(request: ChatRequest, expected: string, given: string): ModelError {
  return new ModelError(
    'MODEL_BAD_REPLY',
    `The model "${request.model}" was expected to give ${expected}, but gave ${given}.`,
  );
}

// Names the shape only: the body may quote the prompt.
function describe(body: unknown): string {
  if (body === null || body === undefined) return 'an empty body';
  if (typeof body === 'string') return body === '' ? 'an empty body' : 'text that is not JSON';
  return Array.isArray(body) ? 'a list' : 'a JSON value of another shape';
}
