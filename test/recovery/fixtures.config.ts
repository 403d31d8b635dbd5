import { z } from 'zod';
import { defineAgent, defineConfig, defineTool } from '../../agents/index.ts';
import type { Agent } from '../../agents/index.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';

const input = z.object({ order: z.string() });

/** A tool that pays at the demo model's shop, where each distinct key makes one refund: a ledger of what was really done. */
async function pay(shopUrl: string, key: string, order: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(`${shopUrl}/payments/refunds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ order, amount: 5, currency: 'EUR' }),
    signal,
  });
  return response.json();
}

/** Agents for crashes, at a shop: each test has its own, so workers in the test's process get them by address. */
export function crashAgents(shopUrl: string): Agent[] {
  const payOnce = defineTool({
    name: 'pay_once',
    description: 'Pays 5 EUR every time it runs: the outside system has no idempotency keys.',
    input,
    execute: ({ order }, { signal }) => pay(shopUrl, crypto.randomUUID(), order, signal),
  });
  const payKeyed = defineTool({
    name: 'pay_keyed',
    description: 'Pays 5 EUR once per effect key.',
    input,
    repeatable: true,
    execute: ({ order }, { effectKey, signal }) => pay(shopUrl, effectKey, order, signal),
  });
  const lookupOrder = defineTool({
    name: 'lookup_order',
    description: 'Looks up an order.',
    input,
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
    defineAgent({ name: 'shopper', instructions: 'You know orders.', tools: [lookupOrder] }),
  ];
}

/** For workers in processes of their own. */
export default defineConfig({ agents: [supportAgent, ...crashAgents(process.env['HOLDFAST_SHOP_URL'] ?? '')] });
