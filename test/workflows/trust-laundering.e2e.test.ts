import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import type { Misbehaviour, RecordedRequest } from '../../llm/demo-model/misbehaviour.ts';
import { assertFacts } from '../support/assert-facts.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const web = defineTool({
  ...{ name: 'web', description: 'Reads a page.', input: z.object({}), repeatable: true },
  execute: () => 'The user moved to Oslo.',
});
const small = { messageTokens: 600, recallLimit: 0 };
let script: ((request: RecordedRequest) => Misbehaviour | undefined) | undefined;
const worker = withWorker(database, {
  agents: [
    defineAgent({ name: 'reader', instructions: 'You read.', tools: [web], memory: { ...small, extract: false } }),
    defineAgent({ name: 'keeper', instructions: 'You keep.', tools: [web], memory: small }),
    defineAgent({ name: 'listener', instructions: 'You listen.' }),
    defineAgent({ name: 'amnesiac', instructions: 'You write.', memory: { extract: false, recallLimit: 0 } }),
  ],
  demoModel: { script: (request) => script?.(request) },
});
afterEach(() => (script = undefined));

const lives = {
  ...{ kind: 'fact', subject: 'user', relation: 'lives_in', value: 'Oslo' },
  text: 'Home: Oslo, Norway.',
};
const remember: Misbehaviour = {
  kind: 'reply',
  calls: [{ name: 'memory_remember', arguments: JSON.stringify({ memories: [lives] }) }],
};
const callWeb: Misbehaviour = { kind: 'reply', calls: [{ name: 'web', arguments: '{}' }] };
const say = (text: string): Misbehaviour => ({ kind: 'reply', text });
const isExtraction = (body: unknown): boolean => JSON.stringify(body).includes('memory_proposals');
/** The model's answers to turns in order, and what it always extracts. */
function answer(turns: readonly Misbehaviour[], proposals: readonly object[] = []): void {
  const left = [...turns];
  script = ({ path, body }) => {
    if (!path.includes('chat')) return undefined;
    return isExtraction(body) ? say(JSON.stringify({ proposals })) : left.shift();
  };
}
const proposed = {
  ...{ ...lives, action: 'assert', target: null, confidence: 0.9, message: 1, since: null, until: null },
};
const send = (user: string, thread: string, message: string, agent: string) =>
  worker.client.turns.send({ user, thread, message, agent });
const extracted = (turn: string) =>
  until(`extraction of ${turn}`, async () => (await worker.client.turns.explain(turn)).extraction);
const trusts = async (user: string) =>
  (await worker.client.memory.list({ scope: { user } })).map(({ value, trust }) => `${value}: ${trust}`).sort();

test.each([
  ['an outside tool', 'tool_external', [callWeb, say('It says that you moved to Oslo.')]],
  ['nobody', null, [say('As you say.')]],
] as const)('a summary of what %s said is trusted no more', async (who, heard, answers) => {
  const user = `summed after ${who}`;
  answer(answers);
  await send(user, user, 'Read the page, please.', 'reader');
  for (let n = 0; n < 14; n += 1) await send(user, user, `Locker ${n} is blue. ${'It is so. '.repeat(8)}`, 'reader');
  const [summary] = await until('a compaction', async () => {
    const rows = await worker.client.threads.summaries({ thread: user });
    return rows.length > 0 ? rows : undefined;
  });
  expect(summary?.heard).toBe(heard);

  // No message of the tool stands in the prompt any more: only the summary does.
  answer([remember]);
  const turn = await send(user, user, 'What do you know of me?', 'keeper');
  const { steps } = await worker.client.turns.explain(turn.turn);
  expect(steps[0]?.prompt.some(({ role }) => role === 'tool')).toBe(false);
  expect(await trusts(user)).toEqual([`Oslo: ${heard ?? 'model_inference'}`]);
});

test('what is extracted beside such a summary is trusted no more', async () => {
  const user = 'summed after an outside tool';
  answer([say('Oslo is in Norway.')], [{ ...proposed, relation: 'likes', text: 'Likes the city Oslo in Norway.' }]);
  const { turn } = await send(user, user, 'Tell me more, do I like Oslo?', 'keeper');
  await extracted(turn);
  expect(await trusts(user)).toEqual(['Oslo: tool_external', 'Oslo: tool_external']);
});

test('a session summary says no better of itself than what it sums up', async () => {
  const trustOf = async (user: string, answers: readonly Misbehaviour[]): Promise<unknown> => {
    answer([...answers, say('Fine.')]);
    await send(user, user, 'Read the page, please.', 'reader');
    await send(user, user, 'Thank you.', 'reader');
    await worker.client.memory.consolidate({ scope: { user } });
    const [session] = await worker.client.memory.sessions({ scope: { user } });
    return session?.trust;
  };
  expect(await trustOf('session of a page', [callWeb, say('It says Oslo.')])).toBe('tool_external');
  expect(await trustOf('session of two', [say('No page is open.')])).toBe('model_inference');
});

test('a reply that repeats a memory of an outside tool vouches for it no better, now or later', async () => {
  const user = 'cy';
  await assertFacts(database.store, {
    scope: { user },
    facts: [{ fact: 'cy-oslo', relation: 'lives_in', value: 'Oslo', text: lives.text, trust: 'tool_external' }],
  });
  answer([say('You live in Oslo, Norway.')], [proposed]);
  const first = await send(user, 'cy-thread', 'Where is my home? In Oslo?', 'listener');
  await extracted(first.turn);
  expect(await trusts(user)).toEqual(['Oslo: tool_external']);

  // Its own words stand in the thread now, and nothing is recalled beside them.
  answer([remember]);
  await send(user, 'cy-thread', 'Is that so?', 'amnesiac');
  expect(await trusts(user)).toEqual(['Oslo: tool_external']);

  // In another thread the reply is recalled as what it is.
  const { items } = await worker.client.memory.search({ query: 'You live in Oslo', scope: { user } });
  expect(items.filter(({ kind }) => kind === 'reply').map(({ trust }) => trust)).toContain('tool_external');

  // When the user says it, it is theirs.
  answer([say('Noted.')], [proposed]);
  const { turn } = await send(user, 'cy-other', 'I moved to Oslo.', 'listener');
  await extracted(turn);
  expect(await trusts(user)).toEqual(['Oslo: direct_user']);
});
