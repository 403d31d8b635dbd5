import { z } from 'zod';
import { defineAgent, defineConfig, defineTool } from '../../agents/index.ts';
import { supportAgent } from '../../examples/support-agent/agent.ts';

/** The demo model's shop, where each distinct key makes one refund: a ledger of what was really done. */
const shopUrl = process.env['HOLDFAST_SHOP_URL'] ?? '';

async function refund(key: string, order: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(`${shopUrl}/payments/refunds`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ order, amount: 5, currency: 'EUR' }),
    signal,
  });
  return response.json();
}

const input = z.object({ order: z.string() });

/** Pays every time it runs: the outside system has no idempotency keys. */
const payOnce = defineTool({
  name: 'pay_once',
  description: 'Pays 5 EUR; not repeatable.',
  input,
  execute: ({ order }, { signal }) => refund(crypto.randomUUID(), order, signal),
});

/** Pays once per effect key, however often it runs. */
const payKeyed = defineTool({
  name: 'pay_keyed',
  description: 'Pays 5 EUR; repeatable.',
  input,
  repeatable: true,
  execute: ({ order }, { effectKey, signal }) => refund(effectKey, order, signal),
});

export const cashier = defineAgent({
  name: 'cashier',
  instructions: 'You pay.',
  tools: [payOnce, payKeyed],
  memory: { extract: false },
});

export default defineConfig({ agents: [supportAgent, cashier] });
