import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Misbehaviour } from './misbehaviour.ts';
import { decideReply } from './reply.ts';
import { sendError, sendJson } from './respond.ts';
import {
  completionBody,
  completionChunks,
  readChatRequest,
  tokensOf,
  toWireReply,
  type WireReply,
  type WireRequest,
} from './wire.ts';

/** Answers `POST /v1/chat/completions`. `signal` fires when the server closes; `latencyMs` is waited before each token. */
export async function answerChat(
  response: ServerResponse,
  body: unknown,
  {
    misbehaviour,
    latencyMs,
    signal,
  }: { misbehaviour: Misbehaviour | undefined; latencyMs: number; signal: AbortSignal },
): Promise<void> {
  const checked = readChatRequest(body);
  if ('problem' in checked) {
    sendError(response, 400, checked.problem, { param: checked.param });
    return;
  }
  const { request } = checked;
  const reply = distort(toWireReply(decideReply(request.demo), request.maxTokens), request, misbehaviour);
  const pace = misbehaviour?.kind === 'slow' ? misbehaviour.latencyMs : latencyMs;
  if (request.stream) {
    await stream(response, completionChunks(request, reply), { misbehaviour, pace, signal });
    return;
  }
  if (pace > 0) await delay(pace * Math.max(1, tokensOf(reply.text ?? '').length), undefined, { signal });
  const text = JSON.stringify(completionBody(request, reply));
  if (misbehaviour?.kind === 'truncate') {
    response.writeHead(200, { 'content-type': 'application/json' });
    await write(response, text.slice(0, text.length / 2));
    if (misbehaviour.reset === true) response.destroy();
    else response.end();
  } else if (misbehaviour?.kind !== 'stall') {
    sendJson(response, 200, text);
  }
}

function distort(reply: WireReply, request: WireRequest, misbehaviour: Misbehaviour | undefined): WireReply {
  const blank: WireReply = { text: null, refusal: null, calls: [], finish: 'stop' };
  switch (misbehaviour?.kind) {
    case 'empty':
      return blank;
    case 'refusal':
      return { ...blank, refusal: misbehaviour.text ?? 'I cannot help with that.' };
    case 'length': {
      const words = tokensOf(reply.text ?? '');
      return { ...blank, text: words.slice(0, Math.ceil(words.length / 2)).join(''), finish: 'length' };
    }
    case 'malformed-arguments': {
      const [call = { name: request.demo.tools[0] ?? 'lookup_order', arguments: '{"order":"A-1001"}' }] = reply.calls;
      return { ...blank, calls: [{ name: call.name, arguments: call.arguments.slice(0, -2) }], finish: 'tool_calls' };
    }
    case 'reply': {
      const calls = misbehaviour.calls ?? [];
      const { text = null, tokens, finish = calls.length > 0 ? 'tool_calls' : 'stop' } = misbehaviour;
      return { ...blank, text, calls, finish, ...(tokens === undefined ? {} : { tokens }) };
    }
    case 'status':
    case 'hang':
    case 'garbage':
    case 'truncate':
    case 'stall':
    case 'slow':
    case 'missing-vector':
    case undefined:
      return reply;
  }
}

async function stream(
  response: ServerResponse,
  chunks: readonly object[],
  { misbehaviour, pace, signal }: { misbehaviour: Misbehaviour | undefined; pace: number; signal: AbortSignal },
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  const isCut = misbehaviour?.kind === 'truncate' || misbehaviour?.kind === 'stall';
  for (const chunk of isCut ? chunks.slice(0, Math.ceil(chunks.length / 2)) : chunks) {
    if (pace > 0) await delay(pace, undefined, { signal });
    if (response.destroyed) return;
    await write(response, `data: ${JSON.stringify(chunk)}\n\n`);
  }
  if (misbehaviour?.kind === 'stall') return;
  if (misbehaviour?.kind === 'truncate') {
    if (misbehaviour.reset === true) response.destroy();
    else response.end();
    return;
  }
  response.end('data: [DONE]\n\n');
}

// Waits until the bytes are handed to the socket, so that a torn connection tears after them. A closed one counts as written.
function write(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve) => {
    response.write(text, () => resolve());
  });
}
