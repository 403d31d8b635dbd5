import { z } from 'zod';
import { defineAgent, defineConfig, defineTool } from '../agents/index.ts';
import { createClient, localKeyWrapper } from '../client/index.ts';

// #region agent
const weather = defineTool({
  name: 'weather',
  description: 'Tell the weather of a city.',
  input: z.object({ city: z.string() }),
  repeatable: true,
  execute: ({ city }) => `It is sunny in ${city}.`,
});

const transfer = defineTool({
  name: 'transfer',
  description: 'Transfer money.',
  input: z.object({ to: z.string(), amount: z.number().positive() }),
  approval: ({ amount }) => (amount > 50 ? `a transfer of ${amount}` : false),
  execute: ({ to, amount }, { effectKey }) => `Sent ${amount} to ${to} under key ${effectKey}.`,
});

export default defineConfig({
  agents: [defineAgent({ name: 'assistant', instructions: 'Be brief.', tools: [weather, transfer] })],
});
// #endregion

/** Sends one turn and shows what was recalled for it. */
export async function talk(
  databaseUrl: string,
  temporalAddress: string,
  masterKey: string,
  taskQueue = 'holdfast',
): Promise<string | null> {
  // #region client
  const holdfast = await createClient({
    database: { url: databaseUrl },
    keyWrapper: localKeyWrapper(masterKey),
    temporal: { address: temporalAddress, taskQueue },
  });
  const turn = await holdfast.turns.send({
    thread: 'ana-1',
    user: 'ana',
    agent: 'assistant',
    message: 'I prefer SMS.',
  });
  console.log(turn.status, turn.reply);

  const { steps } = await holdfast.turns.explain(turn.turn);
  for (const item of steps[0]?.retrieval?.items ?? []) console.log(item.label, item.text, item.reason);
  await holdfast.close();
  // #endregion
  return turn.reply;
}
