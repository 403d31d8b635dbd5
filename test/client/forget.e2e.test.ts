import { z } from 'zod';
import { describe, expect, test } from 'vitest';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { SubjectForgottenError } from '../../eventstore/index.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import type { ChatRequest } from '../../llm/ports.ts';
import { documentOf, cliEnvironment, runCli } from '../cli/run-cli.ts';
import { tablesWith } from '../support/find-text.ts';
import { liveAndFresh } from '../support/fold-afresh.ts';
import '../support/quiet-runtime.ts';
import { requestTurn } from '../support/request-turn.ts';
import { testSchema } from '../support/test-schema.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

/** What happens once the model has answered, or a tool runs; by a word of the request. */
const meanwhile = new Map<string, () => Promise<unknown>>();
async function happen(about: string): Promise<void> {
  for (const [word, what] of meanwhile) {
    if (!about.includes(word)) continue;
    meanwhile.delete(word);
    await what();
  }
}

let notes = 0;
const input = z.object({ note: z.string() });
const note = defineTool({
  name: 'note',
  description: 'Notes.',
  input,
  execute: async ({ note: text }) => {
    notes += 1;
    await happen(`running ${text}`);
    return `noted ${text}`;
  },
});
const sign = defineTool({ name: 'sign', description: 'Signs.', input, approval: 'always', execute: () => 'signed' });
const agent = defineAgent({ name: 'clerk', instructions: 'You take notes.', tools: [note, sign] });

const database = withDatabase();
const model = {
  complete: async (request: ChatRequest) => {
    const reply = await createOpenAiModel({ baseUrl: worker.modelUrl, apiKey: 'none', timeoutMs: 10_000 }).complete(
      request,
    );
    await happen(`${request.responseSchema ? 'extraction ' : ''}${JSON.stringify(request.messages.at(-1))}`);
    return reply;
  },
};
const worker = withWorker(database, { agents: [agent], overrides: { model } });

const send = (user: string, turn: string, message: string, thread = turn) =>
  worker.client.turns.send({ turn, thread, user, message, agent: 'clerk' });
const forget = (user: string) => worker.client.memory.forget({ user, actor: 'test', reason: 'asked' });
const extracted = (turn: string) =>
  until(`extraction of ${turn}`, async () => (await worker.client.turns.explain(turn)).extraction);

describe('a user who is forgotten', () => {
  test('is nowhere any more; their turns can still be explained, inspected and replayed', async () => {
    const words = ['lisboaq7z', 'brunoq7z', 'parcelq7z', 'contractq7z'];
    await send('ana', 'a1', 'I live in lisboaq7z. My dog is called brunoq7z.', 'ana-thread');
    await extracted('a1');
    await send('ana', 'a2', 'Use the tool note with {"note": "parcelq7z"}', 'ana-thread');
    await extracted('a2');
    const waiting = await send('ana', 'a3', 'Use the tool sign with {"note": "contractq7z"}', 'ana-thread-2');
    await worker.client.approvals.decide({ approval: waiting.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
    expect(await worker.client.turns.result('a3')).toMatchObject({ status: 'completed' });
    await extracted('a3');
    await send('ana', 'a4', 'Where do I live, and what is my dog called?', 'ana-thread-3');
    await extracted('a4');
    await send('bo', 'b1', 'I live in osloq7z.');
    await extracted('b1');
    for (const word of words) {
      const tables = await tablesWith(database.admin, word);
      expect(tables.length, word).toBeGreaterThan(2);
      expect(
        tables.filter((name) => ['event', 'command'].includes(name)),
        word,
      ).toEqual([]);
    }
    const ofBo = await tablesWith(database.admin, 'osloq7z');
    // What somebody else said or was told in the same words stays, as theirs.
    const { rows: vectors } = await database.admin.query(`select from embedding where subjects = '{user:ana}'`);
    expect(vectors.length).toBeGreaterThan(2);
    for (const turn of ['a1', 'a2']) await until('archived', () => worker.client.turns.history(turn).catch(() => null));

    const receipt = await forget('ana');

    for (const word of words) expect(await tablesWith(database.admin, word), word).toEqual([]);
    expect(await tablesWith(database.admin, 'osloq7z')).toEqual(ofBo);
    expect((await database.admin.query(`select from embedding where 'user:ana' = any (subjects)`)).rowCount).toBe(0);
    expect(receipt).toMatchObject({ subject: 'user:ana', keys: [1], derived: { embedding: vectors.length } });
    expect(receipt.events).toBeGreaterThan(15);
    const { live, fresh } = await liveAndFresh(database.admin, database.store, testSchema, 'default');
    expect(live).toEqual(fresh);

    // Nothing of it is an error.
    const explained = await worker.client.turns.explain('a4');
    expect(explained.turn).toMatchObject({ status: 'completed', message: '[forgotten]', reply: '[forgotten]' });
    expect(explained.steps[0]).toMatchObject({ forgotten: true, promptMatches: false, text: '[forgotten]' });
    expect(explained.steps[0]?.prompt.map(({ role }) => role)).toEqual(['system', 'user']);
    const tool = await worker.client.turns.explain('a2');
    expect(tool.steps[0]?.toolCalls).toMatchObject([{ name: 'note', arguments: '{}' }]);
    const state = await worker.client.threads.state({ thread: 'ana-thread' });
    expect(new Set(state.messages.map(({ content }) => content))).toEqual(new Set(['[forgotten]', null]));
    expect(state.facts.length).toBeGreaterThan(0);
    expect(new Set(state.facts.map(({ text }) => text))).toEqual(new Set(['[forgotten]']));
    expect((await worker.client.memory.search({ query: 'Where do I live?', scope: { user: 'ana' } })).items).toEqual(
      [],
    );
    expect(
      (await worker.client.memory.search({ query: 'Where do I live?', scope: { user: 'bo' } })).items.length,
    ).toBeGreaterThan(0);

    const env = cliEnvironment(database, worker);
    const why = await runCli(['why', 'a4', '--prompt'], { env });
    expect(why).toMatchObject({ code: 0 });
    expect(why.stdout).toContain('words of it were forgotten');
    const replay = await runCli(['replay', 'a1'], { env });
    expect(replay).toMatchObject({ code: 0 });
    expect(replay.stdout).toMatch(/0 of 1 match .*; 1 held words that were forgotten since/);
    const others = documentOf(await runCli(['replay', 'b1', '--json'], { env }));
    expect(others).toMatchObject({ ok: true, data: { prompts: [{ matches: true, forgotten: false }] } });

    // Who comes back is new, and what was forgotten is no neighbour of what is learnt.
    await send('ana', 'a5', 'I live in portoq7z.', 'ana-thread');
    expect(await extracted('a5')).toMatchObject({ status: 'completed', outcomes: [{ outcome: 'stored' }] });
    expect((await forget('ana')).keys).toEqual([2]);
    expect(await tablesWith(database.admin, 'portoq7z')).toEqual([]);
  });

  test('before the turn was started: it ends, and no model is asked', async () => {
    await requestTurn(database.store, {
      turn: 'early',
      thread: 'early',
      message: 'earlyq7z',
      agent: 'clerk',
      user: 'eve',
    });
    await forget('eve');
    const sent = await send('eve', 'early', 'earlyq7z');
    expect(sent).toMatchObject({ status: 'failed', code: 'SUBJECT_FORGOTTEN', message: '[forgotten]' });
    expect(sent.detail).toContain('user:eve');
    expect(await tablesWith(database.admin, 'earlyq7z')).toEqual([]);
  });

  test('while the model answers: the answer is dropped and the turn ends', async () => {
    meanwhile.set('zombieq7z', () => forget('zoe'));
    expect(await send('zoe', 'zombie', 'Please remember that zombieq7z is my street.')).toMatchObject({
      status: 'failed',
      code: 'SUBJECT_FORGOTTEN',
    });
    expect(await tablesWith(database.admin, 'zombieq7z')).toEqual([]);
    expect((await database.admin.query(`select from embedding where 'user:zoe' = any (subjects)`)).rowCount).toBe(0);
  });

  test('while a tool runs: its result is dropped and the turn ends', async () => {
    const before = notes;
    meanwhile.set('running toolq7z', () => forget('tom'));
    expect(await send('tom', 'tool', 'Use the tool note with {"note": "toolq7z"}')).toMatchObject({
      status: 'failed',
      code: 'SUBJECT_FORGOTTEN',
    });
    expect(notes).toBe(before + 1);
    expect(await tablesWith(database.admin, 'toolq7z')).toEqual([]);
  });

  test('while memories are extracted: nothing is remembered', async () => {
    meanwhile.set('extraction', () => forget('liv'));
    expect(await send('liv', 'extraction', 'I live in extractq7z.')).toMatchObject({ status: 'completed' });
    expect(await extracted('extraction')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('SUBJECT_FORGOTTEN') as string,
    });
    expect(await tablesWith(database.admin, 'extractq7z')).toEqual([]);
  });

  test('while a decision is waited for: nobody can decide, and the turn ends', async () => {
    const { waitingFor } = await send('ida', 'waits', 'Use the tool sign with {"note": "waitq7z"}');
    const [approval = ''] = waitingFor;
    await forget('ida');
    const decided = worker.client.approvals.decide({ approval, decision: 'respond', message: 'waitq7z', actor: 'mia' });
    await expect(decided).rejects.toBeInstanceOf(SubjectForgottenError);
    const ended = await until(
      'the turn looks into the log',
      async () => {
        const result = await worker.client.turns.get('waits');
        return result.status === 'waiting' ? undefined : result;
      },
      { timeoutMs: 40_000 },
    );
    expect(ended).toMatchObject({ status: 'failed', code: 'SUBJECT_FORGOTTEN' });
    expect(await tablesWith(database.admin, 'waitq7z')).toEqual([]);
  });
});
