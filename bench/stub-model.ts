import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What a stub model does; may be changed while it runs. */
export interface StubBehaviour {
  /** Text of every reply. */
  reply: string;
  /** Tool calls before the reply: so many steps with so many parallel calls of the tool `large`. */
  toolSteps: number;
  callsPerStep: number;
  /** Wait before an extraction is answered. */
  extractionMs: number;
  /** Facts that an extraction finds. */
  facts: number;
}

/** A model over HTTP that answers at once and always the same, so that what is measured is everything else. */
export interface StubModel extends AsyncDisposable {
  readonly url: string;
  readonly behaviour: StubBehaviour;
}

/** Starts a stub model on a free port: `await using stub = await startStubModel()`. */
export async function startStubModel(): Promise<StubModel> {
  const behaviour: StubBehaviour = { reply: 'Noted.', toolSteps: 0, callsPerStep: 0, extractionMs: 0, facts: 5 };
  let serial = 0;
  const answer = async (body: ChatBody): Promise<Reply> => {
    if (body.response_format) {
      await delay(behaviour.extractionMs);
      return { content: JSON.stringify({ proposals: facts((serial += 1), behaviour.facts) }) };
    }
    const steps = body.messages.filter(
      ({ role, tool_calls }) => role === 'assistant' && tool_calls !== undefined,
    ).length;
    if (steps >= behaviour.toolSteps || body.tools === undefined) return { content: behaviour.reply };
    const calls = Array.from({ length: behaviour.callsPerStep }, (_, n) => ({
      id: `c-${steps}-${n}`,
      type: 'function',
      function: { name: 'large', arguments: JSON.stringify({ n: steps * behaviour.callsPerStep + n }) },
    }));
    return { content: null, tool_calls: calls };
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ChatBody;
      void answer(body).then((reply) => {
        response.writeHead(200, { 'content-type': body.stream ? 'text/event-stream' : 'application/json' });
        response.end(body.stream ? events(reply) : JSON.stringify(completion(reply)));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    behaviour,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface ChatBody {
  readonly stream?: boolean;
  readonly response_format?: unknown;
  readonly tools?: unknown;
  readonly messages: readonly { readonly role: string; readonly tool_calls?: unknown }[];
}

interface Reply {
  readonly content: string | null;
  readonly tool_calls?: readonly { readonly id: string; readonly type: string; readonly function: unknown }[];
}

const head = { id: 'stub', created: 0, model: 'stub' };
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

function finish({ tool_calls: calls }: Reply): string {
  return calls === undefined ? 'stop' : 'tool_calls';
}

function completion(reply: Reply): unknown {
  const message = { role: 'assistant', ...reply };
  return {
    ...head,
    object: 'chat.completion',
    choices: [{ index: 0, finish_reason: finish(reply), message }],
    usage,
  };
}

/** The same as server-sent events: all of the text in one. */
function events(reply: Reply): string {
  const delta = {
    role: 'assistant',
    content: reply.content,
    ...(reply.tool_calls ? { tool_calls: reply.tool_calls.map((call, index) => ({ index, ...call })) } : {}),
  };
  const chunks = [
    { choices: [{ index: 0, finish_reason: null, delta }] },
    { choices: [{ index: 0, finish_reason: finish(reply), delta: {} }] },
    { choices: [], usage },
  ].map((chunk) => `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', ...chunk })}\n\n`);
  return `${chunks.join('')}data: [DONE]\n\n`;
}

function facts(serial: number, count: number): unknown[] {
  return Array.from({ length: count }, (_, n) => ({
    action: 'assert',
    target: null,
    kind: 'fact',
    subject: 'user',
    relation: `noted_${serial}_${n}`,
    value: `thing ${serial}/${n}`,
    text: `The user noted thing ${serial}/${n}.`,
    message: 1,
    confidence: 0.9,
  }));
}
