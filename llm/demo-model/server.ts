import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHashEmbedder } from '../hash-embedder.ts';
import { answerChat } from './chat-endpoint.ts';
import { isRecord } from './conversation.ts';
import { type Misbehaviour, type RecordedRequest, requestedMisbehaviour } from './misbehaviour.ts';
import { createPayments, orderOf } from './payments.ts';
import { sendError, sendJson } from './respond.ts';
import { countTokens, DEMO_MODEL_NAME } from './wire.ts';

/** Options of {@link startDemoModel}. */
export interface DemoModelOptions {
  /** Port on 127.0.0.1; 0 takes a free one. @default 0 */
  readonly port?: number;
  /** Wait before each token in milliseconds. @default 0 */
  readonly latencyMs?: number;
  /** Decides per request to `/v1/`, counted from 0, whether and how to go wrong. @default never */
  readonly script?: (request: RecordedRequest, index: number) => Misbehaviour | undefined;
}

/** A running demo model. */
export interface DemoModel {
  /** Base URL of the API, ending in `/v1`. Payments and orders are at the same host, outside `/v1`. */
  readonly url: string;
  /** How many requests to `/v1/` came in. */
  requests(): number;
  /** The last 200 of them, oldest first. */
  recorded(): readonly RecordedRequest[];
  /** Ends the server and every open connection. */
  close(): Promise<void>;
}

const KEPT_REQUESTS = 200;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

/**
 * Starts the demo model: a scripted server behind the OpenAI chat and embeddings API, with a small shop and payments system
 * for its tools. It is not an AI and says so in every answer.
 */
export async function startDemoModel({ port = 0, latencyMs = 0, script }: DemoModelOptions = {}): Promise<DemoModel> {
  const payments = createPayments();
  const closing = new AbortController();
  const kept: RecordedRequest[] = [];
  let count = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://demo').pathname;
    const route = `${request.method ?? 'GET'} ${path}`;
    const body = await readBody(request);
    if (body === 'too large') {
      sendError(response, 413, `The body must be at most ${String(MAX_BODY_BYTES)} bytes.`);
      return;
    }
    const json = parseJson(body);
    if (path.startsWith('/v1/')) {
      const record: RecordedRequest = {
        method: request.method ?? 'GET',
        path,
        headers: request.headers,
        body: json ?? null,
      };
      kept.push(record);
      if (kept.length > KEPT_REQUESTS) kept.shift();
      count += 1;
      const misbehaviour = script?.(record, count - 1) ?? requestedMisbehaviour(record);
      if (misbehave(response, misbehaviour)) return;
      if (json === undefined && request.method === 'POST') {
        sendError(response, 400, 'The body must be JSON, but it could not be parsed.');
      } else if (route === 'POST /v1/chat/completions') {
        await answerChat(response, json, { misbehaviour, latencyMs, signal: closing.signal });
      } else if (route === 'POST /v1/embeddings') {
        await answerEmbeddings(response, json, misbehaviour);
      } else if (route === 'GET /v1/models') {
        sendJson(response, 200, {
          object: 'list',
          data: [{ id: 'holdfast-demo-model', object: 'model', created: 0, owned_by: DEMO_MODEL_NAME }],
        });
      } else sendError(response, 404, `There is no ${route} here.`);
      return;
    }
    answerShop(response, route, request.headers['idempotency-key'], json);
  }

  function answerShop(
    response: ServerResponse,
    route: string,
    key: string | string[] | undefined,
    body: unknown,
  ): void {
    const order = /^GET \/orders\/([^/]+)$/.exec(route)?.[1];
    if (order !== undefined) {
      const found = orderOf(order);
      if (found === null) sendError(response, 404, 'There is no such order. Order ids look like A-1001.');
      else sendJson(response, 200, found);
    } else if (route === 'POST /payments/refunds') {
      const answer = payments.refund(typeof key === 'string' ? key : undefined, body);
      if ('error' in answer) sendError(response, answer.status, answer.error);
      else sendJson(response, answer.status, answer.refund, { 'idempotent-replayed': String(answer.status === 200) });
    } else if (route === 'GET /payments/refunds') sendJson(response, 200, { refunds: payments.list() });
    else if (route === 'GET /healthz') sendJson(response, 200, { status: 'ok', model: DEMO_MODEL_NAME });
    else sendError(response, 404, `There is no ${route} here.`);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      // A client that went away needs no answer; everything else is a bug worth seeing.
      sendError(response, 500, error instanceof Error ? error.message : 'unknown error');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo; // A listening TCP server always has one.
  return {
    url: `http://127.0.0.1:${String(address.port)}/v1`,
    requests: () => count,
    recorded: () => [...kept],
    close: () => {
      closing.abort();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** Gives true when the misbehaviour was the whole answer. */
function misbehave(response: ServerResponse, misbehaviour: Misbehaviour | undefined): boolean {
  if (misbehaviour?.kind === 'hang') return true;
  if (misbehaviour?.kind === 'garbage') {
    sendJson(response, 200, '<html>not { json');
    return true;
  }
  if (misbehaviour?.kind !== 'status') return false;
  const { status, retryAfter, headers, message = 'This error was scripted.', code = null } = misbehaviour;
  sendError(response, status, message, {
    code,
    headers: { ...headers, ...(retryAfter !== undefined && { 'retry-after': retryAfter }) },
  });
  return true;
}

async function answerEmbeddings(
  response: ServerResponse,
  body: unknown,
  misbehaviour: Misbehaviour | undefined,
): Promise<void> {
  const { input, model, dimensions = 256, encoding_format: encoding = 'float' } = isRecord(body) ? body : {};
  const texts: unknown = typeof input === 'string' ? [input] : input;
  const reject = (param: string, expected: string): void => {
    sendError(response, 400, `${param} must be ${expected}.`, { param });
  };
  if (typeof model !== 'string' || model === '') {
    reject('model', 'given as text');
    return;
  }
  if (!isTexts(texts)) {
    reject('input', 'a text or a list of 1 to 2048 texts, none of them empty');
    return;
  }
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 8 || dimensions > 4096) {
    reject('dimensions', 'a whole number from 8 to 4096');
    return;
  }
  const vectors = await createHashEmbedder({ dimensions }).embed(texts);
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    index,
    embedding: encoding === 'base64' ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector),
  }));
  if (misbehaviour?.kind === 'missing-vector') data.pop();
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  sendJson(response, 200, {
    object: 'list',
    data,
    model: DEMO_MODEL_NAME,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  });
}

function isTexts(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 2048 &&
    value.every((text) => typeof text === 'string' && text !== '')
  );
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Reading on to the end lets the client see the answer instead of a reset.
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? 'too large' : Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
