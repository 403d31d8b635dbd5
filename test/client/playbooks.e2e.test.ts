import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import type { ProcedureRow } from '../../client/index.ts';
import { tablesWith } from '../support/find-text.ts';
import { readLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { workTurns } from '../support/worked-turns.ts';

vi.setConfig({ testTimeout: 60_000 });

const database = withDatabase();
const input = z.object({ order: z.string() });
const tool = (name: string, trust: 'internal' | 'external') =>
  defineTool({ ...{ name, description: 'Does it.', input, trust }, execute: ({ order }) => `done with ${order}` });
const house = [tool('get_order', 'internal'), tool('refund', 'internal')];
const clerk = (name: string, memory: Parameters<typeof defineAgent>[0]['memory'] = {}, tools = house) =>
  defineAgent({ name, instructions: 'You refund.', tools, memory: { extractor: 'rules', ...memory } });
/** The demo model calls both tools, one after the other, for whatever is asked of an order. */
const worker = withWorker(database, {
  agents: [
    clerk('clerk'),
    clerk('careful', { writes: { procedure: 'queue' } }),
    clerk('forgetful', { kinds: ['fact'] }),
    clerk('worldly', {}, [tool('get_order', 'external'), tool('refund', 'internal')]),
  ],
  demoModel: {
    script: ({ path, body }) => {
      if (!path.includes('chat')) return undefined;
      const { messages } = body as { messages: { role: string; content: string }[] };
      const asked = messages.findLastIndex(({ role }) => role === 'user');
      const order = /[A-Z]-\d+/.exec(messages[asked]?.content ?? '')?.[0];
      const name = ['get_order', 'refund'][messages.length - 1 - asked > 0 ? (messages.length - 1 - asked) / 2 : 0];
      if (order === undefined || name === undefined) return { kind: 'reply', text: 'Done.' };
      return { kind: 'reply', calls: [{ name, arguments: JSON.stringify({ order }) }] };
    },
  },
});

const ask = (user: string, n: number, agent = 'clerk') =>
  worker.client.turns.send({
    ...{ turn: `${user}-${n}`, thread: `${user}-thread-${n}`, user, agent },
    message: `Please refund the broken order A-${1000 + n}`,
  });
const run = (user: string, name: string) => worker.client.memory.consolidate({ scope: { user }, run: name });
const playbooks = async (user: string): Promise<readonly ProcedureRow[]> =>
  worker.client.memory.procedures({ scope: { user } });
const by = { actor: 'user:ops' };

test('tools that worked three times are a playbook: recalled, proven, rolled back, undone, forgotten', async () => {
  const user = 'anaq7z';
  for (const n of [1, 2]) await ask(user, n);
  expect((await run(user, 'too early')).counts).toMatchObject({ learnt: 0, proven: 0 });
  await ask(user, 3);
  expect((await run(user, 'learns')).counts).toMatchObject({ learnt: 1, proven: 0 });
  const [playbook] = await playbooks(user);
  expect(playbook).toMatchObject({ goal: 'refund broken order', version: 1 });
  expect(playbook?.versions).toMatchObject([
    { steps: ['get_order', 'refund'], trust: 'model_inference', status: 'stands', successes: 0, failures: 0 },
  ]);
  expect(playbook?.versions[0]?.sources.map(({ turn }) => turn)).toEqual([1, 2, 3].map((n) => `${user}-${n}`));

  // The same evidence again is nothing new.
  expect((await run(user, 'again')).counts).toMatchObject({ learnt: 0, proven: 0 });

  // It stands in the prompt of the next request of the kind, and what becomes of it is counted.
  await ask(user, 4);
  const { steps } = await worker.client.turns.explain(`${user}-4`);
  expect(steps[0]?.prompt[0]?.content).toMatch(
    /What has worked when asked to: refund broken order.*1\. Call get_order/,
  );
  expect((await playbooks(user))[0]?.versions).toMatchObject([{ version: 1, successes: 1, failures: 0 }]);

  // More evidence: one more turn vouches, and no new version.
  expect((await run(user, 'proves')).counts).toMatchObject({ learnt: 0, proven: 1 });
  expect((await playbooks(user))[0]?.versions.map(({ sources }) => sources.length)).toEqual([4]);

  // The run that proved is undone by itself, then the one that learnt.
  await worker.client.memory.undoConsolidation('proves', by);
  expect((await playbooks(user))[0]?.versions.map(({ sources }) => sources.length)).toEqual([3]);
  expect((await run(user, 'proves not again')).counts).toMatchObject({ learnt: 0, proven: 0 });
  const { undone } = await worker.client.memory.undoConsolidation('learns', by);
  expect(undone?.withdrawn).toEqual([playbook?.procedure]);
  expect(await playbooks(user)).toMatchObject([{ version: null, versions: [{ status: 'rolled_back' }] }]);
  expect((await run(user, 'learns not again')).counts).toMatchObject({ learnt: 0, proven: 0 });
  await ask(user, 5);
  const { steps: later } = await worker.client.turns.explain(`${user}-5`);
  expect(later[0]?.prompt[0]?.content).not.toContain('What has worked');

  // A person may have it stand again all the same; steps and proofs come with it.
  await worker.client.memory.rollbackProcedure({
    ...{ procedure: playbook?.procedure ?? '', to: 1, ...by },
    reason: 'it was right',
  });
  expect(await playbooks(user)).toMatchObject([{ version: 1, versions: [{ steps: ['get_order', 'refund'] }] }]);

  await worker.client.memory.forget({ user, actor: 'test', reason: 'asked' });
  expect(await tablesWith(database.admin, 'refund broken order')).toEqual([]);
  expect((await run(user, 'after it')).counts).toMatchObject({ learnt: 0, proven: 0 });
});

test('runs at once learn it once; turns of forks and of agents that may not write how-tos are no evidence', async () => {
  const turns = (user: string, agent: string, change: { branch?: string } = {}) =>
    [1, 2, 3].map((n) => ({
      ...{ turn: `${user}-${n}`, user, agent, message: `Refund broken order A-${n}`, tools: ['get_order', 'refund'] },
      ...change,
    }));
  await workTurns(database.store, [
    ...turns('bo', 'clerk'),
    ...turns('cy', 'careful'),
    ...turns('di', 'forgetful'),
    ...turns('ed', 'clerk', { branch: 'what-if' }),
    ...turns('fe', 'nobody'),
    ...turns('gil', 'worldly'),
  ]);
  const counts = await Promise.all(['b1', 'b2', 'b3'].map(async (name) => (await run('bo', name)).counts));
  expect(counts.reduce((sum, { learnt = 0 }) => sum + learnt, 0)).toBe(1);
  for (const user of ['cy', 'di', 'ed', 'fe']) {
    await run(user, `of ${user}`);
    expect(await playbooks(user)).toEqual([]);
  }
  // What rests on an outside tool is trusted as that; it stands in prompts as what it is.
  await run('gil', 'of gil');
  expect(await playbooks('gil')).toMatchObject([{ versions: [{ trust: 'tool_external' }] }]);
  await ask('gil', 4, 'worldly');
  const { steps } = await worker.client.turns.explain('gil-4');
  expect(steps[0]?.prompt[0]?.content).toContain('drawn from tool calls that worked, not told by the user');
});

test('a better way becomes the next version; undoing that run has the first stand again', async () => {
  const user = 'hal';
  const way = (from: number, count: number, tools: readonly string[]) =>
    Array.from({ length: count }, (_, n) => ({
      ...{ turn: `${user}-${from + n}`, user, agent: 'clerk', message: `Refund broken order A-${from + n}`, tools },
    }));
  await workTurns(database.store, way(1, 3, ['get_order', 'refund']));
  await run(user, 'h1');
  await workTurns(database.store, way(10, 4, ['get_order', 'check', 'refund']));
  expect((await run(user, 'h2')).counts).toMatchObject({ learnt: 1, proven: 0 });
  expect(await playbooks(user)).toMatchObject([
    { version: 2, versions: [{ status: 'superseded' }, { steps: ['get_order', 'check', 'refund'] }] },
  ]);
  await worker.client.memory.undoConsolidation('h2', by);
  expect(await playbooks(user)).toMatchObject([
    { version: 1, versions: [{ status: 'stands', steps: ['get_order', 'refund'] }, { status: 'rolled_back' }] },
  ]);
  const own = (await readLog(database.admin)).filter(({ command }) => command.startsWith('consolidation/h2/'));
  expect(own.map(({ type }) => type)).toEqual([
    'ProcedureLearned',
    'ConsolidationCompleted',
    'ProcedureRolledBack',
    'ConsolidationUndone',
  ]);
});
