import { z } from 'zod';
import { defineAgent, defineConfig, defineTool } from '../agents/index.ts';
import type { HoldfastClient } from '../client/index.ts';

const stock = defineTool({
  name: 'stock',
  description: 'Tell how many of a thing are in the shop.',
  input: z.object({ thing: z.string() }),
  repeatable: true,
  execute: ({ thing }) => ({ thing, left: 7 }),
});

export default defineConfig({
  agents: [defineAgent({ name: 'clerk', instructions: 'You keep a shop.', tools: [stock] })],
});

/** Runs a turn, and asks what would have happened had the tool said something else. Gives both replies. */
export async function wonder(holdfast: HoldfastClient): Promise<{ before: string | null; after: string | null }> {
  const { turn } = await holdfast.turns.send({
    thread: 'shop',
    user: 'ana',
    agent: 'clerk',
    turn: 'lamps',
    message: 'Use the tool stock with {"thing": "lamp"}',
  });

  // #region fork
  for (const { turn, step, position, model, memories } of await holdfast.checkpoints.list({ thread: 'shop' }))
    console.log(`${turn}/${step} at ${position}: ${model}, shown ${memories.length} memories`);

  // What if the tool had said that there is none left? Step 1, the call, is taken from the record; step 2 is new.
  const fork = await holdfast.checkpoints.fork({
    thread: 'shop',
    at: { turn, step: 1 },
    name: 'sold-out',
    change: { toolResult: { step: 1, call: 'stock', result: { thing: 'lamp', left: 0 } } },
  });
  console.log(fork.turn?.reply);

  const { reply, turns } = await holdfast.checkpoints.diff({ thread: 'shop', a: 'main', b: 'sold-out' });
  for (const { step, same, a, b } of turns[0]?.steps ?? []) console.log(step, same, a?.calls, b?.calls, b?.text);
  // #endregion
  return { before: reply.a, after: reply.b };
}
