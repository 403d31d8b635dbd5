import { createClient, localKeyWrapper } from 'holdfast/client';
import type { TurnResult } from 'holdfast/client';

/** Reads a setting that has no default. */
function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`Set ${name}.`);
  return value;
}

const client = await createClient({
  database: { url: setting('DATABASE_URL') },
  keyWrapper: localKeyWrapper(setting('HOLDFAST_MASTER_KEY')),
  temporal: { address: setting('TEMPORAL_ADDRESS'), taskQueue: process.env['HOLDFAST_TASK_QUEUE'] ?? 'holdfast' },
});
try {
  const turn: TurnResult = await client.turns.send({
    thread: 'installed',
    user: 'ana',
    agent: 'assistant',
    message: process.argv[2] ?? 'Use the tool weather with {"city": "Lisbon"}',
  });
  console.log(JSON.stringify({ status: turn.status, reply: turn.reply }));
} finally {
  await client.close();
}
