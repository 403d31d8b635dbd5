import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { HoldfastClient } from '../client/index.ts';

/**
 * Server-sent events of a turn: `GET /turns/<id>`. A browser's EventSource reconnects by itself and sends the id of the last event it got
 * (`Last-Event-ID`), which is our offset: so it gets each word once, whatever breaks in between.
 */
export function streamServer(client: HoldfastClient): Server {
  return createServer((request, response) => {
    const turn = /^\/turns\/([^/?]+)$/.exec(request.url ?? '')?.[1];
    if (turn === undefined) response.writeHead(404).end();
    else void sendEvents(client, decodeURIComponent(turn), request.headers['last-event-id'], response);
  });
}

// #region sse
async function sendEvents(client: HoldfastClient, turn: string, from: unknown, response: ServerResponse) {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const options = { signal: gone.signal, ...(typeof from === 'string' ? { from } : {}) };
    for await (const { offset, type, ...data } of client.turns.stream(turn, options)) {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`id: ${offset}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  } catch (error) {
    if (!gone.signal.aborted && !response.headersSent) response.writeHead(404).write(String(error));
  }
  response.end();
}
// #endregion
