import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Misbehaviour, RecordedRequest } from '../../llm/demo-model/misbehaviour.ts';
import { type DemoModel, startDemoModel } from '../../llm/demo-model/server.ts';
import { ModelError } from '../../llm/model-error.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import type { ChatModel, ChatRequest } from '../../llm/ports.ts';
import { modelContract } from '../contracts/model-contract.ts';

modelContract({
  name: 'openai adapter on the demo model',
  open: async () => {
    const demo = await startDemoModel();
    const model = createOpenAiModel({ baseUrl: demo.url, apiKey: 'sk-secret-1234567890' });
    return { model, modelName: 'demo', close: () => demo.close() };
  },
});

const SECRET_PROMPT = 'My diagnosis is a rare and very private condition.';
const HELLO: ChatRequest = { model: 'demo', messages: [{ role: 'user', content: SECRET_PROMPT }] };

async function open(
  script: (request: RecordedRequest, index: number) => Misbehaviour | undefined,
  timeoutMs = 5_000,
): Promise<{ demo: DemoModel; model: ChatModel }> {
  const demo = await startDemoModel({ script });
  onTestFinished(() => demo.close());
  return { demo, model: createOpenAiModel({ baseUrl: demo.url, apiKey: 'sk-secret-1234567890', timeoutMs }) };
}

async function failureOf(promise: Promise<unknown>): Promise<ModelError> {
  const error: unknown = await promise.then(
    () => new Error('It was expected to fail, but it succeeded.'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ModelError);
  return error as ModelError; // Checked on the line before.
}

const ECHO = `Incorrect API key sk-secret-1234567890 in "${SECRET_PROMPT}"`;
const failures: readonly (readonly [string, Misbehaviour, string, boolean])[] = [
  ['401', { kind: 'status', status: 401, message: ECHO }, 'MODEL_AUTH', false],
  ['403', { kind: 'status', status: 403 }, 'MODEL_AUTH', false],
  ['400', { kind: 'status', status: 400, message: ECHO }, 'MODEL_BAD_REQUEST', false],
  ['404', { kind: 'status', status: 404 }, 'MODEL_NOT_FOUND', false],
  ['408', { kind: 'status', status: 408 }, 'MODEL_TIMEOUT', true],
  ['422', { kind: 'status', status: 422 }, 'MODEL_BAD_REQUEST', false],
  ['429', { kind: 'status', status: 429, retryAfter: '7' }, 'MODEL_RATE_LIMITED', true],
  ['a used-up quota', { kind: 'status', status: 429, code: 'insufficient_quota' }, 'MODEL_RATE_LIMITED', false],
  ['500', { kind: 'status', status: 500, message: ECHO }, 'MODEL_UNAVAILABLE', true],
  ['503', { kind: 'status', status: 503 }, 'MODEL_UNAVAILABLE', true],
  ['an empty reply', { kind: 'empty' }, 'MODEL_BAD_REPLY', true],
  ['a torn connection', { kind: 'truncate', reset: true }, 'MODEL_UNAVAILABLE', true],
  ['a truncated answer', { kind: 'truncate' }, 'MODEL_BAD_REPLY', true],
  ['garbage', { kind: 'garbage' }, 'MODEL_BAD_REPLY', true],
];

describe.each([{ streamed: false }, { streamed: true }])('misbehaviour, streamed: $streamed', ({ streamed }) => {
  const request: ChatRequest = streamed ? { ...HELLO, onText: () => undefined } : HELLO;

  it.each(failures)('%s becomes the right ModelError', async (_, misbehaviour, code, retryable) => {
    const { demo, model } = await open(() => misbehaviour);
    const error = await failureOf(model.complete(request));
    expect({ code: error.code, retryable: error.retryable }).toEqual({ code, retryable });
    expect(error.hint).toBeTruthy();
    const whole = `${error.message} ${error.hint ?? ''} ${JSON.stringify(error)} ${String(error.cause)}`;
    expect(whole).not.toContain('sk-secret');
    expect(whole).not.toContain('private condition');
    expect(demo.requests(), 'the adapter must not retry').toBe(1);
  });

  it('gives up on silence', async () => {
    const { model } = await open(() => ({ kind: 'hang' }), 60);
    expect(await failureOf(model.complete(request))).toMatchObject({ code: 'MODEL_TIMEOUT', retryable: true });
  });

  it('gives up when the reply stalls half-way', async () => {
    const { model } = await open(() => ({ kind: 'stall' }), 60);
    expect(await failureOf(model.complete(request))).toMatchObject({ code: 'MODEL_TIMEOUT' });
  });

  it('stops when aborted while waiting, and frees the connection', async () => {
    const controller = new AbortController();
    const { model } = await open(() => {
      controller.abort();
      return { kind: 'hang' };
    });
    const error = await failureOf(model.complete({ ...request, signal: controller.signal }));
    expect(error).toMatchObject({ code: 'MODEL_ABORTED', retryable: false });
  });

  it('reports a refusal', async () => {
    const { model } = await open(() => ({ kind: 'refusal', text: 'No, sorry.' }));
    expect(await model.complete(request)).toMatchObject({ text: null, refusal: 'No, sorry.', finishReason: 'stop' });
  });

  it('reports a cut-off reply', async () => {
    const { model } = await open(() => ({ kind: 'length' }));
    expect(await model.complete(request)).toMatchObject({ finishReason: 'length' });
  });

  it('hands malformed tool arguments on as they are', async () => {
    const { model } = await open(() => ({ kind: 'malformed-arguments' }));
    const reply = await model.complete(request);
    expect(reply.toolCalls[0]?.arguments).toBe('{"order":"A-1001');
    expect(reply.finishReason).toBe('tool_calls');
  });

  it('waits for slow tokens as long as they keep coming', async () => {
    const { model } = await open(() => ({ kind: 'slow', latencyMs: 2 }));
    expect((await model.complete(request)).text).not.toBe('');
  });
});

describe('createOpenAiModel', () => {
  it('reads Retry-After', async () => {
    const { model } = await open((_, index) => ({
      kind: 'status',
      status: 429,
      ...(index === 0 ? { retryAfter: '7' } : { headers: { 'retry-after-ms': '250' } }),
    }));
    expect((await failureOf(model.complete(HELLO))).retryAfterMs).toBe(7_000);
    expect((await failureOf(model.complete(HELLO))).retryAfterMs).toBe(250);
  });

  it('is MODEL_UNAVAILABLE when nobody listens', async () => {
    const { demo, model } = await open(() => undefined);
    await demo.close();
    const error = await failureOf(model.complete(HELLO));
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true });
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('stops a stream in the middle when aborted', async () => {
    const controller = new AbortController();
    const { model } = await open(() => ({ kind: 'stall' }));
    const onText = vi.fn(() => controller.abort());
    const error = await failureOf(model.complete({ ...HELLO, onText, signal: controller.signal }));
    expect(error.code).toBe('MODEL_ABORTED');
    expect(onText).toHaveBeenCalled();
  });

  it('throws what a listener throws', async () => {
    const { model } = await open(() => undefined);
    const onText = (): void => {
      throw new Error('listener broke');
    };
    await expect(model.complete({ ...HELLO, onText })).rejects.toThrow('listener broke');
  });

  it('falls back from json_schema to json_object to an instruction, and remembers per model', async () => {
    const asked: string[] = [];
    const { demo, model } = await open(({ body }) => {
      const { response_format: format } = body as { response_format?: { type: string } };
      asked.push(format?.type ?? 'none');
      return format === undefined
        ? { kind: 'reply', text: 'Here you are:\n```json\n{"proposals":[]}\n```' }
        : { kind: 'status', status: 400, message: `Unknown response_format type ${format.type}` };
    });
    const request: ChatRequest = {
      ...HELLO,
      responseSchema: { name: 'memory_proposals', schema: { type: 'object', properties: { proposals: {} } } },
    };
    expect((await model.complete(request)).text).toBe('{"proposals":[]}');
    expect(asked).toEqual(['json_schema', 'json_object', 'none']);
    const last = demo.recorded().at(-1)?.body as { messages: { role: string; content: string }[] };
    expect(last.messages[0]).toMatchObject({ role: 'system' });
    expect(last.messages[0]?.content).toContain('"proposals"');

    await model.complete(request);
    expect(asked).toEqual(['json_schema', 'json_object', 'none', 'none']);
    await model.complete({ ...request, model: 'another' });
    expect(asked.slice(4)).toEqual(['json_schema', 'json_object', 'none']);
  });

  it('falls back to max_tokens and to streams without usage', async () => {
    const { demo, model } = await open(({ body }) => {
      const keys = Object.keys(body as object);
      const refused = ['max_completion_tokens', 'stream_options'].find((key) => keys.includes(key));
      return refused === undefined ? undefined : { kind: 'status', status: 400, message: `Unknown field ${refused}` };
    });
    const reply = await model.complete({ ...HELLO, maxOutputTokens: 50, onText: () => undefined });
    expect(reply.usage).toEqual({ inputTokens: 0, outputTokens: 0 });
    expect(demo.recorded().at(-1)?.body).toMatchObject({ max_tokens: 50 });
  });

  it('asks for the same JSON again as MODEL_BAD_REPLY when the text is none', async () => {
    const { model } = await open(() => ({ kind: 'reply', text: 'I would rather not.' }));
    const request: ChatRequest = { ...HELLO, responseSchema: { name: 'x', schema: { type: 'object' } } };
    expect(await failureOf(model.complete(request))).toMatchObject({ code: 'MODEL_BAD_REPLY', retryable: true });
  });

  it('sends strict schemas as strict and no key where none is set', async () => {
    const { demo } = await open(() => undefined);
    const model = createOpenAiModel({ baseUrl: demo.url, apiKey: '' });
    const schema = {
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
      additionalProperties: false,
    };
    await model.complete({ ...HELLO, responseSchema: { name: 'x', schema } });
    expect(demo.recorded()[0]?.body).toMatchObject({ response_format: { json_schema: { strict: true } } });
    expect(demo.recorded()[0]?.headers['authorization']).toBeUndefined();
  });
});

describe('answers of less careful servers', () => {
  const servers: { close(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function answering(body: string, contentType: string): Promise<ChatModel> {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': contentType }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    const { port } = server.address() as AddressInfo; // A listening TCP server always has one.
    return createOpenAiModel({ baseUrl: `http://127.0.0.1:${String(port)}/v1`, apiKey: 'key', timeoutMs: 5_000 });
  }
  const sse = (...chunks: unknown[]): string =>
    [...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), 'data: [DONE]\n\n'].join('');
  const delta = (part: object, finish: string | null = null): object => ({
    choices: [{ delta: part, finish_reason: finish }],
  });

  it('joins tool-call deltas without an index', async () => {
    const model = await answering(
      sse(
        delta({ tool_calls: [{ id: 'a', function: { name: 'one', arguments: '{"x"' } }] }),
        delta({ tool_calls: [{ function: { arguments: ':1}' } }] }),
        delta({ tool_calls: [{ id: 'b', function: { name: 'two', arguments: '{}' } }] }),
        delta({}, 'stop'),
      ),
      'text/event-stream',
    );
    const reply = await model.complete({ ...HELLO, onText: () => undefined });
    expect(reply.toolCalls).toEqual([
      { id: 'a', name: 'one', arguments: '{"x":1}' },
      { id: 'b', name: 'two', arguments: '{}' },
    ]);
    expect(reply.finishReason).toBe('tool_calls');
  });

  it('makes ids for calls that have none, and takes content in parts', async () => {
    const message = { content: [{ type: 'text', text: 'Hi' }], tool_calls: [{ function: { name: 'one' } }] };
    const model = await answering(JSON.stringify({ id: 'r1', choices: [{ message }] }), 'application/json');
    const reply = await model.complete(HELLO);
    expect(reply).toMatchObject({
      text: 'Hi',
      model: 'demo',
      toolCalls: [{ id: 'r1_0', name: 'one', arguments: '{}' }],
    });
  });

  it.each([
    ['a web page', '<html>Hello</html>', 'text/html'],
    ['an empty body', '', 'application/json'],
    ['no choices', '{"choices":[]}', 'application/json'],
    ['a list', '[]', 'application/json'],
    ['a call without a name', '{"choices":[{"message":{"tool_calls":[{"function":{}}]}}]}', 'application/json'],
  ])('%s is MODEL_BAD_REPLY', async (_, body, contentType) => {
    const model = await answering(body, contentType);
    expect(await failureOf(model.complete(HELLO))).toMatchObject({ code: 'MODEL_BAD_REPLY' });
  });

  it('takes an error inside a stream for what its code says', async () => {
    const model = await answering(sse({ error: { code: 429, message: 'slow down' } }), 'text/event-stream');
    expect(await failureOf(model.complete({ ...HELLO, onText: () => undefined }))).toMatchObject({
      code: 'MODEL_RATE_LIMITED',
      retryable: true,
    });
  });
});
