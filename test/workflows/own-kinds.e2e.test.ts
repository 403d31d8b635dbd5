import { expect, test } from 'vitest';
import { z } from 'zod';
import { builtInKinds, defineAgent, defineMemoryKind } from '../../agents/index.ts';
import type { Misbehaviour, RecordedRequest } from '../../llm/demo-model/misbehaviour.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

// #region kind
const address = defineMemoryKind({
  name: 'delivery_address',
  description: 'Where the user wants parcels.',
  schema: z.object({ label: z.enum(['home', 'work']), city: z.string() }),
  // A newer home ends the older one, and leaves the address at work.
  key: ['label'],
});
const shop = defineAgent({ name: 'shop', instructions: 'You sell.', memory: { kinds: [...builtInKinds, address] } });
// #endregion
const database = withDatabase();
let script: ((request: RecordedRequest) => Misbehaviour | undefined) | undefined;
const worker = withWorker(database, {
  agents: [shop],
  demoModel: { script: (request) => script?.(request) },
});

test('a value that a tool stored and one that was extracted stand typed, in the next prompt as text, and are forgotten', async () => {
  const memories = [
    { kind: 'delivery_address', text: 'Parcels go to Lisbon.', data: { label: 'home', city: 'Lisbon' } },
    { kind: 'delivery_address', text: 'Parcels go to a boat.', data: { label: 'boat', city: 'Lisbon' } },
    { kind: 'preference', subject: 'user', relation: 'likes', value: 'tea', text: 'The user likes tea.' },
  ];
  const proposal = {
    ...{ action: 'assert', target: null, kind: 'delivery_address', subject: 'user', message: 1, confidence: 0.9 },
    ...{ text: 'Parcels at work go to Porto.', data: { label: 'work', city: 'Porto' } },
  };
  const offered: string[] = [];
  let asked = 0;
  script = ({ path, body }) => {
    if (!path.includes('chat')) return undefined;
    const text = JSON.stringify(body);
    if (text.includes('memory_proposals'))
      return { kind: 'reply', text: JSON.stringify({ proposals: text.includes('Porto') ? [proposal] : [] }) };
    offered.push(text);
    asked += 1;
    if (asked > 1) return { kind: 'reply', text: 'Done.' };
    return { kind: 'reply', calls: [{ name: 'memory_remember', arguments: JSON.stringify({ memories }) }] };
  };
  const scope = { user: 'ana' };
  const say = (message: string) => worker.client.turns.send({ thread: 't', user: 'ana', agent: 'shop', message });
  const { turn } = await say('Parcels to Lisbon at home, and to Porto at work.');
  expect(offered[0]).toContain('Where the user wants parcels.');
  const { steps } = await worker.client.turns.explain(turn);
  expect(JSON.stringify(steps)).toContain('does not fit the schema of \\\\\\"delivery_address\\\\\\": label');
  await expect
    .poll(async () => (await worker.client.memory.list({ scope })).filter(address.is).map(({ data }) => data.city))
    .toEqual(['Lisbon', 'Porto']);
  expect((await worker.client.memory.list({ scope })).map(({ kind }) => kind)).toContain('preference');

  await say('Where do my parcels go?');
  expect(offered.at(-1)).toContain('Parcels go to Lisbon.');

  await worker.client.memory.forget({ user: 'ana', actor: 'test', reason: 'asked' });
  const left = await worker.client.memory.list({ scope, past: true });
  expect(left.filter(({ data }) => data !== null)).toEqual([]);
  expect(JSON.stringify(left)).not.toContain('Lisbon');
});
