import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { streamServer } from '../../examples/stream-over-http.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';

const database = withDatabase();
const rig = withRig(database, [supportAgent]);

interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly text?: string; readonly turn?: { readonly reply: string } };
}

/** Events of a response, until there are so many or it ends; as an EventSource would read them. */
async function read(url: string, { id, most = Infinity }: { id?: string; most?: number } = {}): Promise<ServerEvent[]> {
  const stopping = new AbortController();
  const headers = id === undefined ? {} : { 'last-event-id': id };
  const response = await fetch(url, { headers, signal: stopping.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events: ServerEvent[] = [];
  let buffer = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    buffer += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = buffer.indexOf('\n\n'); end !== -1 && events.length < most; end = buffer.indexOf('\n\n')) {
      const fields = new Map(
        buffer
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      buffer = buffer.slice(end + 2);
      const data = JSON.parse(fields.get('data') ?? '') as ServerEvent['data'];
      events.push({ id: fields.get('id') ?? '', event: fields.get('event') ?? '', data });
    }
    if (events.length >= most) break;
  }
  stopping.abort();
  return events;
}

test('a reader that is cut off goes on with Last-Event-ID and gets every word once', async ({ onTestFinished }) => {
  const server = streamServer(rig.client);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  rig.script(() => ({ kind: 'slow', latencyMs: 120 }));
  const turn = 'over/http';
  const sent = rig.client.turns.send({ turn, thread: 't', message: 'Hello there', agent: 'support' });
  const url = `${origin}/turns/${encodeURIComponent(turn)}`;
  await expect.poll(async () => (await fetch(url, { method: 'GET' })).status, { timeout: 10_000 }).toBe(200);
  const first = await read(url, { most: 1 });
  const rest = await read(url, { id: first.at(-1)?.id ?? '' });
  rig.script(undefined);
  const { reply } = await sent;
  const words = [...first, ...rest].filter(({ event }) => event === 'text').map(({ data }) => data.text);
  expect(first).toHaveLength(1);
  expect(words.join('')).toBe(reply);
  expect(rest.at(-1)).toMatchObject({ event: 'done', data: { turn: { reply } } });
  expect((await fetch(`${origin}/turns/unknown`)).status).toBe(404);
});
