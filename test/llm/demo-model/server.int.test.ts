import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type DemoModel, type DemoModelOptions, startDemoModel } from '../../../llm/demo-model/server.ts';

async function open(
  options: DemoModelOptions = {},
): Promise<{ demo: DemoModel; call: (path: string, init?: RequestInit) => Promise<Response> }> {
  const demo = await startDemoModel(options);
  onTestFinished(() => demo.close());
  return { demo, call: (path, init) => fetch(new URL(path, demo.url), init) };
}

function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

const HELLO = { model: 'any', messages: [{ role: 'user', content: 'Hello' }] };

describe('startDemoModel', () => {
  it('says what it is in every answer, and answers the same request the same way', async () => {
    const { call } = await open();
    const first = await (await call('/v1/chat/completions', post(HELLO))).text();
    expect(await (await call('/v1/chat/completions', post(HELLO))).text()).toBe(first);
    expect(JSON.parse(first)).toMatchObject({
      object: 'chat.completion',
      model: 'holdfast-demo-model (scripted, not an AI)',
      choices: [{ message: { role: 'assistant', content: 'Hello. How can I help?' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2, completion_tokens: 7, total_tokens: 9 },
    });
    expect(await (await call('/healthz')).json()).toMatchObject({ status: 'ok' });
    expect(await (await call('/v1/models')).json()).toMatchObject({ data: [{ id: 'holdfast-demo-model' }] });
  });

  it('streams chunks, then usage if asked, then [DONE]', async () => {
    const { call } = await open();
    const body = { ...HELLO, stream: true, stream_options: { include_usage: true } };
    const response = await call('/v1/chat/completions', post(body));
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = (await response.text()).split('\n\n').filter((event) => event !== '');
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(JSON.parse(events.at(-2)?.slice(6) ?? '')).toMatchObject({ choices: [], usage: { completion_tokens: 7 } });
  });

  it.each([
    ['no JSON', '{', null],
    ['no messages', JSON.stringify({ model: 'x' }), 'messages'],
    ['no model', JSON.stringify({ messages: HELLO.messages }), 'model'],
    ['an unknown role', JSON.stringify({ model: 'x', messages: [{ role: 'wizard', content: '' }] }), 'messages.0.role'],
    [
      'a number as text',
      JSON.stringify({ model: 'x', messages: [{ role: 'user', content: 4 }] }),
      'messages.0.content',
    ],
    ['a list', '[]', null],
  ])('refuses %s with an error of the OpenAI shape', async (_, body, param) => {
    const { call } = await open();
    const response = await call('/v1/chat/completions', { method: 'POST', body });
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; type: string; param: string | null } };
    expect(error).toMatchObject({ type: 'invalid_request_error', param });
    expect(error.message).not.toBe('');
  });

  it('answers 404 and 400 elsewhere', async () => {
    const { call } = await open();
    expect((await call('/v1/nothing')).status).toBe(404);
    expect((await call('/nothing')).status).toBe(404);
    expect((await call('/v1/embeddings', post({ model: 'x', input: [] }))).status).toBe(400);
    expect((await call('/v1/embeddings', post({ model: 'x', input: [1, 2] }))).status).toBe(400);
  });

  it('embeds as floats or base64', async () => {
    const { call } = await open();
    const floats = await (await call('/v1/embeddings', post({ model: 'x', input: 'hello', dimensions: 16 }))).json();
    const packed = await (
      await call('/v1/embeddings', post({ model: 'x', input: 'hello', dimensions: 16, encoding_format: 'base64' }))
    ).json();
    const {
      data: [{ embedding }],
    } = floats as { data: [{ embedding: number[] }] };
    const {
      data: [{ embedding: text }],
    } = packed as { data: [{ embedding: string }] };
    const bytes = Buffer.from(text, 'base64');
    expect(embedding.map((_, at) => bytes.readFloatLE(at * 4))).toEqual(embedding);
  });

  it('takes scripts from a header or a system message', async () => {
    const { call, demo } = await open();
    const script = { kind: 'status', status: 429, retryAfter: '3' };
    const byHeader = await call('/v1/chat/completions', post(HELLO, { 'x-demo-script': JSON.stringify(script) }));
    expect([byHeader.status, byHeader.headers.get('retry-after')]).toEqual([429, '3']);
    const system = { role: 'system', content: `Be kind.\nx-demo-script: ${JSON.stringify({ kind: 'refusal' })}` };
    const bySystem = await call('/v1/chat/completions', post({ ...HELLO, messages: [system, ...HELLO.messages] }));
    expect(await bySystem.json()).toMatchObject({
      choices: [{ message: { content: null, refusal: 'I cannot help with that.' } }],
    });
    expect(demo.requests()).toBe(2);
  });

  it('closes while a request hangs', async () => {
    let arrived = (): void => undefined;
    const isThere = new Promise<void>((resolve) => (arrived = resolve));
    const demo = await startDemoModel({
      script: () => {
        arrived();
        return { kind: 'hang' };
      },
    });
    const answer = fetch(`${demo.url}/chat/completions`, post(HELLO)).catch(() => 'torn');
    await isThere;
    await demo.close();
    expect(await answer).toBe('torn');
  });
});

describe('the shop and its payments', () => {
  it('has orders, derived from their ids', async () => {
    const { call } = await open();
    expect(await (await call('/orders/A-1001')).json()).toEqual({
      order: 'A-1001',
      item: 'running shoes',
      amount: 120,
      currency: 'EUR',
      status: 'shipped',
    });
    const one = await (await call('/orders/A-77')).json();
    expect(await (await call('/orders/a-77')).json()).toEqual(one);
    expect((await call('/orders/B-1')).status).toBe(404);
    expect((await call('/orders/%E0')).status).toBe(404);
  });

  it('refunds once per idempotency key', async () => {
    const { call } = await open();
    const body = { order: 'A-1001', amount: 80, currency: 'EUR' };
    const first = await call('/payments/refunds', post(body, { 'Idempotency-Key': 'k1' }));
    const again = await call('/payments/refunds', post({ ...body, amount: 999 }, { 'Idempotency-Key': 'k1' }));
    expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 200, 'true']);
    const refund: unknown = await first.json();
    expect(await again.json()).toEqual(refund);
    expect(await (await call('/payments/refunds')).json()).toEqual({ refunds: [refund] });
    await call('/payments/refunds', post(body, { 'Idempotency-Key': 'k2' }));
    expect(((await (await call('/payments/refunds')).json()) as { refunds: unknown[] }).refunds).toHaveLength(2);
  });

  it.each([
    [{ order: 'A-1001', amount: 0, currency: 'EUR' }, 'k', 400],
    [{ order: 'A-1001', amount: '80', currency: 'EUR' }, 'k', 400],
    [{ order: 'A-1001', amount: 80, currency: 'euro' }, 'k', 400],
    [{ order: 'X', amount: 80, currency: 'EUR' }, 'k', 404],
    [[], 'k', 400],
    [{ order: 'A-1001', amount: 80, currency: 'EUR' }, '', 400],
  ])('refuses %j with key "%s"', async (body, key, status) => {
    const { call } = await open();
    const response = await call('/payments/refunds', post(body, key === '' ? {} : { 'Idempotency-Key': key }));
    expect(response.status).toBe(status);
  });
});

describe('main', () => {
  it('prints its address, answers, and ends on SIGTERM', async () => {
    const child = spawn(process.execPath, ['llm/demo-model/main.ts', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const url = /^demo model listening on (http:\/\/127\.0\.0\.1:\d+\/v1)$/.exec(line)?.[1] ?? '';
    expect((await fetch(`${url}/models`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('refuses a senseless port', async () => {
    const child = spawn(process.execPath, ['llm/demo-model/main.ts', '--port', 'x'], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
