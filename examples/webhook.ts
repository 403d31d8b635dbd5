import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { HoldfastClient } from '../client/index.ts';

/**
 * A turn that somebody else's webhook starts. Providers deliver at least once: their id of the delivery becomes the turn's id, so that
 * a second delivery is the same turn. The message is in the log before the answer goes out: a provider that got its 202 need not send
 * again, whatever happens to us after. Check the provider's signature before this in real life.
 */
export function createWebhook(client: HoldfastClient, { agent }: { readonly agent: string }): Server {
  return createServer((request, response) => {
    void (async () => {
      const delivery = JSON.parse(await text(request)) as { id: string; customer: string; text: string };
      const { turn } = await client.turns.send(
        {
          turn: `shop-${delivery.id}`,
          thread: `customer-${delivery.customer}`,
          user: delivery.customer,
          message: delivery.text,
          agent,
        },
        // Taken is enough: the reply is read later, with `client.turns.result(turn)`.
        { timeoutMs: 0 },
      );
      response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify({ turn }));
    })().catch((error: unknown) => {
      // Not taken, or taken and not started: the provider sends it again, and it is the same turn.
      response.writeHead(503).end(String(error));
    });
  });
}
