import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';

/** The shop's back office; `npm run dev` and `npm run demo` start a small one beside the demo model. */
const shopUrl = process.env['HOLDFAST_SHOP_URL'] ?? 'http://127.0.0.1:8799';

async function callShop(path: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(`${shopUrl}${path}`, init);
  const body: unknown = await response.json();
  if (!response.ok) throw new Error(`the shop answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
}

const lookupOrder = defineTool({
  name: 'lookup_order',
  description: 'Look up an order by its number, for example A-1001.',
  input: z.object({ order: z.string().regex(/^[A-Z]-\d+$/, 'an order number looks like A-1001') }),
  repeatable: true,
  execute: ({ order }, { signal }) => callShop(`/orders/${order}`, { signal }),
});

const refundOrder = defineTool({
  name: 'refund_order',
  description: 'Refund an amount of an order to the customer. A person approves every refund.',
  input: z.object({
    order: z.string().regex(/^[A-Z]-\d+$/, 'an order number looks like A-1001'),
    amount: z.number().positive().max(10_000),
    currency: z.string().length(3).default('EUR'),
    reason: z.string().max(500).default(''),
  }),
  approval: ({ amount, currency, order }) => `refund of ${amount} ${currency} for order ${order}`,
  // The shop honours the idempotency key, so a second call with it moves no money.
  repeatable: true,
  execute: (refund, { effectKey, signal }) =>
    callShop('/payments/refunds', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': effectKey },
      body: JSON.stringify(refund),
      signal,
    }),
});

/** A support agent of an outdoor shop: remembers customers, looks up orders, refunds with approval. */
export const supportAgent = defineAgent({
  name: 'support',
  instructions: `You are the support agent of Northwind Outdoor, a shop for running and hiking gear.
Be brief and kind. Use what you remember about the customer and cite the label of each memory you use, like [m1].
Look up orders before you speak about them. Refunds go through refund_order; a person approves them.`,
  blocks: [
    {
      label: 'policy',
      description: 'Shop rules the agent must keep',
      value: 'Returns within 30 days. Refunds need approval.',
    },
  ],
  tools: [lookupOrder, refundOrder],
});
