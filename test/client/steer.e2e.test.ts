import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import type { ChatRequest } from '../../llm/ports.ts';
import { holdLogHead } from '../support/hold-log-head.ts';
import { readTurnLog, terminals } from '../support/read-log.ts';
import '../support/quiet-runtime.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const sign = defineTool({
  name: 'sign',
  description: 'Signs.',
  input: z.object({ note: z.string() }),
  approval: 'always',
  execute: () => 'signed',
});
const agent = defineAgent({
  name: 'clerk',
  instructions: 'You take notes.',
  tools: [sign],
  memory: { extract: false },
});

/** What happens while the model is asked, by a word of the last message; once. */
const meanwhile = new Map<string, () => Promise<unknown>>();
const database = withDatabase();
const worker = withWorker(database, {
  agents: [agent],
  overrides: {
    sweep: { everyMs: 1_000, graceMs: 0 },
    model: {
      complete: async (request: ChatRequest) => {
        const last = JSON.stringify(request.messages.at(-1));
        for (const [word, what] of meanwhile) {
          if (!last.includes(word)) continue;
          meanwhile.delete(word);
          await what();
        }
        return createOpenAiModel({ baseUrl: worker.modelUrl, apiKey: 'none', timeoutMs: 10_000 }).complete(request);
      },
    },
  },
});
const { send, explain } = {
  send: (turn: string, thread: string, message: string, whenBusy: 'queue' | 'steer' = 'queue') =>
    worker.client.turns.send({ turn, thread, message, agent: 'clerk', user: 'ana', whenBusy }),
  explain: (turn: string) => worker.client.turns.explain(turn),
};
const steeredInto = async (turn: string) =>
  (await explain(turn)).events.filter(({ type }) => type === 'MessageSteered');
/** Sends the first of each pair, then the second: all of them have looked at the log before it takes any. */
async function race<T>(pairs: readonly (readonly [() => Promise<T>, () => Promise<T>])[]) {
  const head = await holdLogHead(database.admin);
  try {
    const first = pairs.map(([send]) => send());
    await delay(500);
    const second = pairs.map(([, send]) => send());
    const all = Promise.all(pairs.map((_, n) => Promise.allSettled([first[n], second[n]] as [Promise<T>, Promise<T>])));
    await delay(500);
    await head.release();
    return await all;
  } finally {
    await head.release();
  }
}
const rolesOf = async (turn: string) =>
  (await explain(turn)).steps.map(({ prompt }) => prompt.slice(1).map(({ role }) => role));

test('a message for a turn that waits is read by its next step, behind the result of the tool', async () => {
  const waiting = await send('waits', 'one', 'Use the tool sign with {"note": "a"}');
  const steered = await send('waits-more', 'one', 'And hurry, firstq7z.', 'steer');
  expect(steered).toMatchObject({ turn: 'waits', status: 'waiting' });
  await worker.client.approvals.decide({ approval: waiting.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
  expect(await worker.client.turns.result('waits')).toMatchObject({ status: 'completed', steps: 2 });
  expect(await rolesOf('waits')).toEqual([['user'], ['user', 'assistant', 'tool', 'user']]);
  const { steps } = await explain('waits');
  expect(steps.map(({ promptMatches }) => promptMatches)).toEqual([true, true]);
  const rounds = await database.admin.query<{ message: string }>(`select message from round where turn = 'waits'`);
  expect(JSON.stringify(rounds.rows)).toContain('firstq7z');
  expect(await steeredInto('waits')).toHaveLength(1);
  const types = (await worker.client.threads.events('one')).map(({ type }) => type);
  expect(types.filter((type) => type === 'MessageSteered')).toHaveLength(1);
  // The next turn of the thread sees all of it in the same order.
  await send('after', 'one', 'What did I say?');
  expect((await rolesOf('after'))[0]).toEqual(['user', 'assistant', 'tool', 'user', 'assistant', 'user']);
});

test('a message that comes while the last reply is written is answered before the turn ends', async () => {
  meanwhile.set('secondq7z', () => {
    void send('late', 'two', 'Wait, thirdq7z.', 'steer').catch(() => undefined);
    return until('it is in the log', async () => ((await steeredInto('last')).length === 1 ? true : undefined));
  });
  expect(await send('last', 'two', 'Hello, secondq7z.')).toMatchObject({ status: 'completed', steps: 2 });
  expect(await rolesOf('last')).toEqual([['user'], ['user', 'assistant', 'user']]);
  const { steps } = await explain('last');
  expect(steps.map(({ promptMatches }) => promptMatches)).toEqual([true, true]);
  const log = await readTurnLog(database.admin, 'last');
  expect(terminals(log)).toHaveLength(1);
  expect(await worker.client.turns.list({ thread: 'two' })).toHaveLength(1);
});

test('sent ten times, it stands there once; and a repeat after the end gives the same turn', async () => {
  const waiting = await send('ten', 'three', 'Use the tool sign with {"note": "b"}');
  const all = await Promise.all(Array.from({ length: 10 }, () => send('ten-more', 'three', 'More.', 'steer')));
  expect(new Set(all.map(({ turn }) => turn))).toEqual(new Set(['ten']));
  expect(await steeredInto('ten')).toHaveLength(1);
  await worker.client.approvals.decide({ approval: waiting.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
  await worker.client.turns.result('ten');
  expect(await send('ten-more', 'three', 'More.', 'steer')).toMatchObject({ turn: 'ten', status: 'completed' });
});

test('one key steered and sent as a turn at the very same moment: it is the one or the other', async () => {
  const waiting = await send('same', 'eight', 'Use the tool sign with {"note": "g"}');
  const keys = Array.from({ length: 12 }, (_, n) => `same-${n}`);
  const message = 'Both, eighthq7z.';
  const request = { thread: 'eight', message, agent: 'clerk', user: 'ana' };
  const ways = keys.map((turn) => ({
    steer: () => worker.client.turns.send({ ...request, turn, whenBusy: 'steer' }, { timeoutMs: 1 }),
    queue: () => worker.client.turns.send({ ...request, turn, whenBusy: 'queue' }, { timeoutMs: 1 }),
  }));
  const sent = await race(ways.map(({ steer, queue }, n) => (n % 2 === 0 ? [steer, queue] : [queue, steer])));
  const put = new Set((await steeredInto('same')).flatMap((event) => ('key' in event.data ? [event.data.key] : [])));
  const own = new Set((await worker.client.turns.list({ thread: 'eight' })).map(({ turn }) => turn));
  for (const [n, key] of keys.entries()) {
    expect([put.has(key), own.has(key)].filter(Boolean), key).toHaveLength(1);
    const [steered, queued] = n % 2 === 0 ? (sent[n] ?? []) : (sent[n]?.toReversed() ?? []);
    expect(steered).toMatchObject({ value: { turn: put.has(key) ? 'same' : key } });
    if (put.has(key)) expect(queued).toMatchObject({ reason: { code: 'ALREADY_STEERED', turn: 'same' } });
    else expect(queued).toMatchObject({ value: { turn: key } });
  }
  // Both ways were won by some: the race was one.
  expect(put.size).toBeGreaterThan(0);
  expect(put.size).toBeLessThan(keys.length);
  await worker.client.approvals.decide({ approval: waiting.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
  expect(await worker.client.turns.result('same')).toMatchObject({ status: 'completed' });
});

test('another message, thread, user or agent under the key of a steered message is refused, however it is sent', async () => {
  await send('kept', 'nine', 'Use the tool sign with {"note": "h"}');
  const request = { turn: 'kept-more', thread: 'nine', message: 'One.', agent: 'clerk', user: 'ana' };
  expect(await worker.client.turns.send({ ...request, whenBusy: 'steer' })).toMatchObject({ turn: 'kept' });
  for (const other of [{ message: 'Two.' }, { thread: 'elsewhere' }, { user: 'bo' }])
    for (const whenBusy of ['steer', 'queue', 'reject'] as const)
      await expect(
        worker.client.turns.send({ ...request, thread: 'nine', ...other, whenBusy }),
        `${JSON.stringify(other)} ${whenBusy}`,
      ).rejects.toMatchObject({
        code: whenBusy === 'reject' && !('thread' in other) ? 'THREAD_BUSY' : 'TURN_ID_TAKEN',
      });
  expect(await steeredInto('kept')).toHaveLength(1);
  expect((await worker.client.turns.list({ thread: 'nine' })).map(({ turn }) => turn)).toEqual(['kept']);
  await worker.client.turns.cancel('kept', { actor: 'mia', reason: 'test' });
});

test('to an idle thread it is a turn of its own, also when it is sent again', async () => {
  for (const _ of [1, 2])
    expect(await send('idle', 'four', 'Hello.', 'steer')).toMatchObject({
      turn: 'idle',
      status: 'completed',
      steps: 1,
    });
});

test('a turn that is cancelled before it reads the message: the message becomes a turn, by its sender or without them', async () => {
  await send('cut', 'five', 'Use the tool sign with {"note": "c"}');
  await send('cut-more', 'five', 'Never mind, fifthq7z.', 'steer');
  await worker.client.turns.cancel('cut', { actor: 'mia', reason: 'test' });
  // Nobody sends it again: the sweeper finds it.
  const own = await until('the message is answered', async () => {
    const [turn] = (await worker.client.turns.list({ thread: 'five' })).filter(({ turn: id }) => id === 'cut-more');
    return turn?.status === 'completed' ? turn : undefined;
  });
  expect(own.message).toBe('Never mind, fifthq7z.');
  expect(await send('cut-more', 'five', 'Never mind, fifthq7z.', 'steer')).toMatchObject({ turn: 'cut-more' });
  expect(terminals(await readTurnLog(database.admin, 'cut-more'))).toHaveLength(1);
});

test('forgetting the user takes its words', async () => {
  await worker.client.memory.forget({ user: 'ana', actor: 'test', reason: 'asked' });
  const { rows } = await database.admin.query<{ content: string }>('select distinct content from steered');
  expect(rows).toEqual([{ content: '[forgotten]' }]);
});

test('what somebody else says is a turn of their own: it must neither be remembered as said by, nor outlive, another user', async () => {
  await send('hers', 'six', 'Use the tool sign with {"note": "d"}');
  const his = await worker.client.turns.send(
    { turn: 'his', thread: 'six', message: 'I am Bo, sixthq7z.', agent: 'clerk', user: 'bo', whenBusy: 'steer' },
    { timeoutMs: 1_000 },
  );
  expect(his).toMatchObject({ turn: 'his', user: 'bo' });
  await worker.client.turns.cancel('hers', { actor: 'mia', reason: 'test' });
  expect(await worker.client.turns.result('his')).toMatchObject({ status: 'completed', user: 'bo' });
});

test('a fork sees the messages that were put into its turn before the place, and none that came after', async () => {
  const first = await send('forked', 'seven', 'Use the tool sign with {"note": "e"}');
  await send('forked-more', 'seven', 'Use the tool sign with {"note": "f"}', 'steer');
  await worker.client.approvals.decide({ approval: first.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
  const second = await until('it asks again', async () => {
    const now = await worker.client.turns.get('forked');
    return now.steps === 2 && now.status === 'waiting' ? now : undefined;
  });
  await send('forked-late', 'seven', 'Hurry, seventhq7z.', 'steer');
  await worker.client.approvals.decide({ approval: second.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
  expect(await worker.client.turns.result('forked')).toMatchObject({ status: 'completed', steps: 3 });

  const { turn } = await worker.client.checkpoints.fork({ thread: 'seven', at: { turn: 'forked', step: 1 } });
  const [next] = (await explain(turn?.turn ?? '')).steps;
  const words = next?.prompt.slice(1).map(({ role, content }) => `${role}: ${content ?? ''}`) ?? [];
  expect(words).toContain('user: Use the tool sign with {"note": "f"}');
  expect(words).not.toContain('user: Hurry, seventhq7z.');
});
