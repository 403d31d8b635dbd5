import { z } from 'zod';
import { agentTool, defineAgent, defineTool } from '../agents/index.ts';
import type { Agent } from '../agents/index.ts';

const input = z.object({ order: z.string(), amount: z.number().positive().default(5) });

/** Pays at the demo model's shop, where each distinct key makes one refund: a ledger of what was really done. */
async function pay(
  shopUrl: string,
  key: string,
  { order, amount }: z.infer<typeof input>,
  signal: AbortSignal,
): Promise<unknown> {
  const response = await fetch(`${shopUrl}/payments/refunds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ order, amount, currency: 'EUR' }),
    signal,
  });
  return response.json();
}

/** Whose conversations are full after a few turns. */
export const talkative = defineAgent({
  name: 'talkative',
  instructions: 'You listen.',
  memory: { messageTokens: 250, extract: false, recallLimit: 0 },
});

/** Agents to be killed, at a shop: what their tools did can be counted outside of Holdfast. */
export function crashAgents(shopUrl: string): Agent[] {
  const payOnce = defineTool({
    name: 'pay_once',
    description: 'Pays every time it runs: the outside system has no idempotency keys.',
    input,
    execute: (payment, { signal }) => pay(shopUrl, crypto.randomUUID(), payment, signal),
  });
  const payKeyed = defineTool({
    name: 'pay_keyed',
    description: 'Pays once per effect key.',
    input,
    repeatable: true,
    execute: (payment, { effectKey, signal }) => pay(shopUrl, effectKey, payment, signal),
  });
  const payApproved = defineTool({
    name: 'pay_approved',
    description: 'Pays once per effect key, after a person has said yes.',
    input,
    repeatable: true,
    approval: 'always',
    execute: (payment, { effectKey, signal }) => pay(shopUrl, effectKey, payment, signal),
  });
  const lookupOrder = defineTool({
    name: 'lookup_order',
    description: 'Looks up an order.',
    input: z.object({ order: z.string() }),
    repeatable: true,
    execute: async ({ order }, { signal }) => (await fetch(`${shopUrl}/orders/${order}`, { signal })).json(),
  });
  return [
    defineAgent({
      name: 'cashier',
      instructions: 'You pay.',
      tools: [payOnce, payKeyed],
      memory: { extract: false },
    }),
    defineAgent({
      name: 'limited',
      instructions: 'You pay, within limits.',
      tools: [payKeyed],
      memory: { extract: false },
      limits: { maxToolCalls: 3 },
    }),
    defineAgent({
      name: 'careful',
      instructions: 'You pay when a person agrees.',
      tools: [payApproved],
      memory: { extract: false },
    }),
    defineAgent({ name: 'shopper', instructions: 'You know orders.', tools: [lookupOrder] }),
    defineAgent({
      name: 'guarded',
      instructions: 'You remember what a person approves of.',
      memory: { extract: false, writes: 'queue' },
    }),
    talkative,
    defineAgent({
      name: 'asker',
      instructions: 'You ask others.',
      tools: [agentTool({ agent: 'shopper', name: 'ask_shopper', description: 'Asks somebody who knows orders.' })],
      memory: { extract: false },
    }),
  ];
}
