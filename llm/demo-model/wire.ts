import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DemoReply, DemoRequest } from './reply.ts';

/** What every answer of the demo model gives as its `model`. */
export const DEMO_MODEL_NAME = 'holdfast-demo-model (scripted, not an AI)';

/** A chat request, checked. */
export interface WireRequest {
  readonly demo: DemoRequest;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly maxTokens: number | null;
  /** Words × 4/3. */
  readonly promptTokens: number;
  /** Same request, same seed: ids are made from it. */
  readonly seed: string;
}

/** A reply about to be sent. */
export interface WireReply {
  readonly text: string | null;
  readonly refusal: string | null;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly finish: 'stop' | 'tool_calls' | 'length' | 'content_filter';
  /** Tokens of the reply. @default counted */
  readonly tokens?: number;
}

const part = z.object({ type: z.literal('text'), text: z.string() });
const content = z.union([z.string(), z.array(part).transform((parts) => parts.map((one) => one.text).join('\n'))]);
const toolCall = z.object({
  id: z.string(),
  type: z.literal('function').default('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
const message = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'developer', 'user']), content }),
  z.object({ role: z.literal('assistant'), content: content.nullish(), tool_calls: z.array(toolCall).nullish() }),
  z.object({ role: z.literal('tool'), content, tool_call_id: z.string() }),
]);
const tool = z.object({
  type: z.literal('function'),
  function: z.object({ name: z.string().min(1).max(64), parameters: z.record(z.string(), z.unknown()).nullish() }),
});
const format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({ name: z.string().min(1), schema: z.record(z.string(), z.unknown()).nullish() }),
  }),
]);
const limit = z.int().positive().nullish();
const chatRequest = z.object({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  tools: z.array(tool).nullish(),
  tool_choice: z.unknown().optional(),
  response_format: format.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: limit,
  max_completion_tokens: limit,
  n: z.literal(1).nullish(),
});

/** Checks a body of `POST /v1/chat/completions`; gives the request or what is wrong with it and where. */
export function readChatRequest(body: unknown): { request: WireRequest } | { problem: string; param: string | null } {
  const parsed = chatRequest.safeParse(body);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error), param: paramOf(parsed.error) };
  const { data } = parsed;
  const asked = data.response_format;
  const texts = data.messages.flatMap((one) => [
    one.content ?? '',
    ...('tool_calls' in one ? (one.tool_calls ?? []).map((call) => call.function.arguments) : []),
  ]);
  return {
    request: {
      demo: {
        messages: data.messages.map((one) => ({
          role: one.role === 'developer' ? 'system' : one.role,
          content: one.content ?? '',
          toolCalls:
            one.role === 'assistant' ? (one.tool_calls ?? []).map((call) => ({ id: call.id, ...call.function })) : [],
          toolCallId: one.role === 'tool' ? one.tool_call_id : null,
        })),
        tools: data.tool_choice === 'none' ? [] : (data.tools ?? []).map((one) => one.function.name),
        format:
          asked === null || asked === undefined || asked.type === 'text'
            ? null
            : asked.type === 'json_object'
              ? { name: null, schema: {} }
              : { name: asked.json_schema.name, schema: asked.json_schema.schema ?? {} },
      },
      stream: data.stream ?? false,
      includeUsage: data.stream_options?.include_usage ?? false,
      maxTokens: data.max_completion_tokens ?? data.max_tokens ?? null,
      promptTokens: texts.reduce((sum, text) => sum + countTokens(text), 0),
      // Whether it is streamed does not change the reply, so it does not change the ids either.
      seed: sha(JSON.stringify({ ...data, stream: null, stream_options: null })),
    },
  };
}

function paramOf(error: z.ZodError): string | null {
  const path = error.issues[0]?.path ?? [];
  return path.length === 0 ? null : path.map(String).join('.');
}

/** Gives the reply in wire form, cut to the token limit. */
export function toWireReply(reply: DemoReply, maxTokens: number | null): WireReply {
  if ('calls' in reply) {
    const calls = reply.calls.map((call) => ({ name: call.name, arguments: JSON.stringify(call.arguments) }));
    return { text: null, refusal: null, calls, finish: 'tool_calls' };
  }
  const pieces = tokensOf(reply.text);
  const most = maxTokens === null ? pieces.length : Math.max(1, Math.floor((maxTokens * 3) / 4));
  if (pieces.length <= most) return { text: reply.text, refusal: null, calls: [], finish: 'stop' };
  return { text: pieces.slice(0, most).join(''), refusal: null, calls: [], finish: 'length' };
}

/** Gives the body of an answer that is not streamed. */
export function completionBody(request: WireRequest, reply: WireReply): object {
  return {
    id: `chatcmpl-${request.seed.slice(0, 24)}`,
    object: 'chat.completion',
    created: CREATED,
    model: DEMO_MODEL_NAME,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: reply.text,
          refusal: reply.refusal,
          ...(reply.calls.length > 0 && { tool_calls: reply.calls.map((call, at) => wireCall(request, call, at)) }),
        },
        logprobs: null,
        finish_reason: reply.finish,
      },
    ],
    usage: usageOf(request, reply),
  };
}

/** Gives the chunks of a streamed answer, one per word. */
export function completionChunks(request: WireRequest, reply: WireReply): object[] {
  const base = {
    id: `chatcmpl-${request.seed.slice(0, 24)}`,
    object: 'chat.completion.chunk',
    created: CREATED,
    model: DEMO_MODEL_NAME,
  };
  const chunk = (delta: object, finish: string | null = null): object => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(request.includeUsage && { usage: null }),
  });
  const calls = reply.calls.flatMap((call, at) => {
    const whole = wireCall(request, call, at);
    const pieces = call.arguments.match(/[\s\S]{1,24}/g) ?? [];
    return [
      chunk({ tool_calls: [{ index: at, ...whole, function: { name: call.name, arguments: '' } }] }),
      ...pieces.map((piece) => chunk({ tool_calls: [{ index: at, function: { arguments: piece } }] })),
    ];
  });
  return [
    chunk({ role: 'assistant', content: reply.calls.length > 0 ? null : '' }),
    ...tokensOf(reply.text ?? '').map((piece) => chunk({ content: piece })),
    ...tokensOf(reply.refusal ?? '').map((piece) => chunk({ refusal: piece })),
    ...calls,
    chunk({}, reply.finish),
    ...(request.includeUsage ? [{ ...base, choices: [], usage: usageOf(request, reply) }] : []),
  ];
}

// A clock would make two answers to the same request differ.
const CREATED = 1_790_000_000;

function wireCall(request: WireRequest, call: { name: string; arguments: string }, at: number): object {
  const id = `call_${sha(`${request.seed}/${String(at)}`).slice(0, 24)}`;
  return { id, type: 'function', function: { name: call.name, arguments: call.arguments } };
}

function usageOf(request: WireRequest, reply: WireReply): object {
  const output = [reply.text ?? '', reply.refusal ?? '', ...reply.calls.map((call) => call.arguments)];
  const completionTokens = reply.tokens ?? output.reduce((sum, text) => sum + countTokens(text), 0);
  return {
    prompt_tokens: request.promptTokens,
    completion_tokens: completionTokens,
    total_tokens: request.promptTokens + completionTokens,
  };
}

/** Counts tokens the demo way: words × 4/3, rounded up. */
export function countTokens(text: string): number {
  return Math.ceil(((text.match(/\S+/g) ?? []).length * 4) / 3);
}

/** Splits a text into words with the space after them. */
export function tokensOf(text: string): string[] {
  return text.match(/\s*\S+\s*|\s+/g) ?? [];
}

function sha(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
