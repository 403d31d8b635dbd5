import { APIError } from 'openai';
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/chat/completions';
import type { ModelOptions } from '../memory/model-options.ts';
import type { ChatMessage, ChatRequest, JsonSchema, ToolSpec } from './ports.ts';

/** What one server and model understand of the chat API. Starts at the newest and steps down as requests are refused. */
export interface Dialect {
  readonly format: 'json_schema' | 'json_object' | 'plain';
  readonly limit: 'max_completion_tokens' | 'max_tokens';
  readonly streamUsage: boolean;
}

/** The dialect to try first. */
export const NEWEST_DIALECT: Dialect = { format: 'json_schema', limit: 'max_completion_tokens', streamUsage: true };

/** Gives the next lower dialect if the error says that the server refused a feature of this one, else undefined. */
export function stepDown(dialect: Dialect, error: unknown, request: ChatRequest): Dialect | undefined {
  if (!(error instanceof APIError) || (error.status !== 400 && error.status !== 422)) return undefined;
  const said = `${error.message} ${error.param ?? ''}`.toLowerCase();
  if (dialect.streamUsage && request.onText !== undefined && /stream_options|include_usage/.test(said)) {
    return { ...dialect, streamUsage: false };
  }
  if (
    dialect.limit === 'max_completion_tokens' &&
    request.maxOutputTokens !== undefined &&
    said.includes('max_completion_tokens')
  ) {
    return { ...dialect, limit: 'max_tokens' };
  }
  if (request.responseSchema !== undefined && /response_format|json_schema|json_object/.test(said)) {
    if (dialect.format === 'json_schema') return { ...dialect, format: 'json_object' };
    if (dialect.format === 'json_object') return { ...dialect, format: 'plain' };
  }
  return undefined;
}

/** Turns a request of our port into the body of `POST /chat/completions`, without the streaming switches. */
export function toChatParams(request: ChatRequest, dialect: Dialect): ChatCompletionCreateParamsNonStreaming {
  const { responseSchema, maxOutputTokens, tools = [] } = request;
  const needsInstruction = responseSchema !== undefined && dialect.format !== 'json_schema';
  const messages = needsInstruction ? withInstruction(request.messages, responseSchema.schema) : request.messages;
  return {
    model: request.model,
    messages: messages.map(toMessage),
    ...(tools.length > 0 && { tools: tools.map(toTool) }),
    ...(maxOutputTokens !== undefined && { [dialect.limit]: maxOutputTokens }),
    ...toSampling(request),
    ...(responseSchema !== undefined &&
      dialect.format === 'json_schema' && {
        response_format: {
          type: 'json_schema' as const,
          json_schema: {
            name: responseSchema.name,
            schema: responseSchema.schema,
            strict: allowsStrict(responseSchema.schema),
          },
        },
      }),
    ...(responseSchema !== undefined &&
      dialect.format === 'json_object' && { response_format: { type: 'json_object' as const } }),
  };
}

// An option that a model refuses is an error of its own: leaving it out silently would not be what was asked for.
function toSampling(options: ModelOptions): Partial<ChatCompletionCreateParamsNonStreaming> {
  const { temperature, topP, seed, reasoningEffort, stop, frequencyPenalty, presencePenalty } = options;
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- by one vendor; servers of open models take it and keep to it
    ...(seed !== undefined && { seed }),
    ...(reasoningEffort !== undefined && { reasoning_effort: reasoningEffort }),
    ...(stop !== undefined && { stop: [...stop] }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
  };
}

/** Gives every piece of text that came from the prompt, to keep it out of errors. */
export function promptTexts(request: ChatRequest): string[] {
  return request.messages.flatMap((message) => [
    message.content ?? '',
    ...(message.role === 'assistant' ? (message.toolCalls ?? []).map((call) => call.arguments) : []),
  ]);
}

// Models of small servers often accept a system message in the first place only, so the instruction joins it there.
function withInstruction(messages: readonly ChatMessage[], schema: JsonSchema): ChatMessage[] {
  const instruction =
    'Reply with one JSON value only: no prose, no code fence. It must satisfy this JSON Schema: ' +
    JSON.stringify(schema);
  const [first, ...rest] = messages;
  if (first?.role === 'system') return [{ role: 'system', content: `${first.content}\n\n${instruction}` }, ...rest];
  return [{ role: 'system', content: instruction }, ...messages];
}

// Providers refuse lone surrogates, which reach us from cut-off model output and pasted text.
function toMessage(message: ChatMessage): ChatCompletionMessageParam {
  switch (message.role) {
    case 'system':
    case 'user':
      return { role: message.role, content: message.content.toWellFormed() };
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.content.toWellFormed() };
    case 'assistant': {
      const content = message.content === null ? null : message.content.toWellFormed();
      const calls = message.toolCalls ?? [];
      if (calls.length === 0) return { role: 'assistant', content: content ?? '' };
      return {
        role: 'assistant',
        content,
        tool_calls: calls.map((call) => ({
          id: call.id,
          type: 'function',
          function: { name: call.name, arguments: call.arguments.toWellFormed() },
        })),
      };
    }
  }
}

function toTool(tool: ToolSpec): ChatCompletionTool {
  return {
    type: 'function',
    function: { name: tool.name, description: tool.description, parameters: tool.parameters },
  };
}

/** True where strict mode accepts the schema: every object is closed and requires all its properties. */
export function allowsStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(allowsStrict);
  if (typeof schema !== 'object' || schema === null) return true;
  if ('properties' in schema && typeof schema.properties === 'object' && schema.properties !== null) {
    const required: readonly unknown[] = 'required' in schema && Array.isArray(schema.required) ? schema.required : [];
    if (!('additionalProperties' in schema) || schema.additionalProperties !== false) return false;
    if (!Object.keys(schema.properties).every((key) => required.includes(key))) return false;
    return Object.values(schema.properties).every(allowsStrict);
  }
  if ('type' in schema && schema.type === 'object') return false;
  return Object.values(schema).every(allowsStrict);
}
