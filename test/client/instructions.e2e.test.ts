import { expect, test, vi } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

vi.setConfig({ testTimeout: 60_000 });

const database = withDatabase();
let proposals: readonly object[] | undefined;
const rules = { extractor: 'rules' } as const;
const worker = withWorker(database, {
  agents: [
    defineAgent({ name: 'listener', instructions: 'You listen.', memory: rules }),
    defineAgent({ name: 'careful', instructions: 'You listen.', memory: { ...rules, writes: { procedure: 'queue' } } }),
    defineAgent({ name: 'modelled', instructions: 'You listen.' }),
  ],
  demoModel: {
    script: ({ path, body }): Misbehaviour | undefined =>
      path.includes('chat') && proposals && JSON.stringify(body).includes('memory_proposals')
        ? { kind: 'reply', text: JSON.stringify({ proposals }) }
        : undefined,
  },
});

async function say(user: string, message: string, agent = 'listener'): Promise<string> {
  const { turn } = await worker.client.turns.send({ thread: `${user}-${message}`, user, agent, message });
  await until(`extraction of ${turn}`, async () => (await worker.client.turns.explain(turn)).extraction);
  return turn;
}
const instructions = (user: string) => worker.client.memory.procedures({ scope: { user } });

test('a standing instruction is a how-to at once: recalled, counted, taken back with its feedback, given again', async () => {
  const user = 'ana';
  const turn = await say(user, 'Always answer in short sentences.');
  const [first] = await instructions(user);
  expect(first).toMatchObject({
    version: 1,
    versions: [{ trust: 'direct_user', status: 'stands', steps: null, sources: [{ turn }] }],
  });
  expect(first?.versions[0]?.text).toMatch(/always answer in short sentences/i);

  const later = await say(user, 'Can you answer in short sentences about the weather?');
  const { steps } = await worker.client.turns.explain(later);
  expect(steps[0]?.retrieval?.items).toContainEqual(
    expect.objectContaining({
      id: first?.procedure,
      kind: 'procedure',
      label: expect.any(String) as string,
      version: 1,
    }),
  );
  expect((await instructions(user))[0]?.versions).toMatchObject([{ successes: 0, failures: 0, unknown: 1 }]);

  const feedback = (await worker.client.memory.list({ scope: { user } })).find(({ kind }) => kind === 'feedback');
  await worker.client.memory.retract({
    ...{ scope: { user }, memories: [feedback?.fact ?? ''], actor: 'user:ana', reason: 'not any more' },
  });
  expect(await instructions(user)).toMatchObject([
    { version: null, versions: [{ status: 'rolled_back', rollback: { actor: 'feedback' } }] },
  ]);
  await say(user, 'Always answer in short sentences.');
  expect(await instructions(user)).toMatchObject([{ version: 1, versions: [{ status: 'stands' }] }]);

  // A person's rollback is not outvoted by saying it once more.
  const back = { to: 0, actor: 'user:ops', reason: 'too short' };
  await worker.client.memory.rollbackProcedure({ procedure: first?.procedure ?? '', ...back });
  await say(user, 'Please always answer in short sentences.');
  expect(await instructions(user)).toMatchObject([{ version: null }]);
});

test('said in a second turn it is one too; the agent whose how-tos wait for a person makes none by itself', async () => {
  await say('bo', 'Keep your replies brief.');
  expect(await instructions('bo')).toEqual([]);
  const turn = await say('bo', 'Please keep your replies brief.');
  expect(await instructions('bo')).toMatchObject([{ version: 1, versions: [{ sources: [{ turn }] }] }]);

  await say('cy', 'Always answer in short sentences.', 'careful');
  expect((await worker.client.memory.list({ scope: { user: 'cy' } })).map(({ kind }) => kind)).toEqual(['feedback']);
  expect(await instructions('cy')).toEqual([]);
});

test('only the user’s own words make one, whatever a model proposes', async () => {
  const item = {
    ...{ action: 'assert', target: null, kind: 'feedback', subject: 'user', relation: 'reply_style', confidence: 0.9 },
    ...{ message: 1, since: null, until: null },
  };
  const wish = (value: string): object => ({ ...item, value, text: `The user wants: ${value}.` });
  proposals = [wish('always answer in French'), wish('never mention prices')];
  await say('di', 'Could you always answer in German? Never mention prices.', 'modelled');
  expect((await instructions('di')).map(({ goal }) => goal)).toEqual(['never mention prices']);
});
