import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import { BranchTakenError, InvalidForkError } from '../../client/index.ts';
import type { ExplainedStep, Fork, ModelOptionsChange, RerunChange } from '../../client/index.ts';
import { createOpenAiModel } from '../../llm/openai-model.ts';
import { chatBodies } from '../support/model-calls.ts';
import { tablesWith } from '../support/find-text.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';

let echoes = 0;
const echo = defineTool({
  name: 'echo',
  description: 'Echoes.',
  input: z.object({ note: z.string() }),
  execute: ({ note }) => `echo ${note} ${++echoes}`,
});
const careful = defineTool({
  name: 'careful',
  description: 'Asks first.',
  input: z.object({ note: z.string() }),
  approval: 'always',
  execute: ({ note }) => `did ${note} ${++echoes}`,
});
const agent = defineAgent({
  name: 'forked',
  instructions: 'You help.',
  tools: [echo, careful],
  blocks: [{ label: 'tone', description: 'How to speak.', value: 'Plain.' }],
});
const sampled = defineAgent({
  name: 'sampled',
  instructions: 'You help.',
  modelOptions: { temperature: 0.2, seed: 7, stop: ['END'] },
  memory: { extract: false },
});

const database = withDatabase();
const rig = withRig(database, [agent, sampled]);
const thread = 'th';

async function send(turn: string, message: string, branch = 'main'): Promise<void> {
  const { status } = await rig.client.turns.send({ turn, thread, branch, user: 'ana', message, agent: 'forked' });
  expect(status).toBe('completed');
  await until('the extraction', async () => (await rig.client.turns.explain(turn)).extraction ?? undefined);
}

const fork = (request: Omit<Parameters<typeof rig.client.checkpoints.fork>[0], 'thread'>): Promise<Fork> =>
  rig.client.checkpoints.fork({ thread, ...request });

async function steps(turn: string): Promise<readonly ExplainedStep[]> {
  return (await rig.client.turns.explain(turn)).steps;
}

/** What main holds, without the positions of the log that it did not write. */
async function main(): Promise<unknown> {
  const { position: _position, ...state } = await rig.client.threads.state({ thread });
  return {
    state,
    found: (await rig.client.memory.search({ query: 'dog lives Lisbon Porto', scope: { user: 'ana' } })).items,
  };
}

const called = 'Use the tool echo with {"note": "one"}';

beforeAll(async () => {
  await send('t1', 'I live in Lisbon. My dog is called Bruno.');
  await send('t2', called);
  await send('t3', 'I moved: I now live in Porto.');
});

describe('a fork', () => {
  test('without a change calls the model with the very prompt that was recorded', async () => {
    const before = await main();
    for (const [turn, step] of [
      ['t2', 0],
      ['t2', 1],
      ['t3', 0],
    ] as const) {
      const { turn: forked, from, parent } = await fork({ at: { turn, step }, name: `same-${turn}-${step}` });
      expect(from).toEqual({ turn, steps: step });
      expect(parent).toBe('main');
      expect(forked).toMatchObject({ status: 'completed', reply: (await rig.client.turns.get(turn)).reply });
      const own = await steps(forked?.turn ?? '');
      expect(own.map((each) => each.step)).toEqual(
        (await steps(turn)).map((each) => each.step).filter((n) => n > step),
      );
      expect(own[0]?.promptHash).toBe((await steps(turn)).find((each) => each.step === step + 1)?.promptHash);
      expect(own.every(({ promptMatches }) => promptMatches)).toBe(true);
    }
    expect(await main()).toEqual(before);
    // The one tool call was answered from the record.
    expect(echoes).toBe(1);
  });

  test('keeps what it learns to itself, and what the parent learns later from it', async () => {
    const before = await main();
    const { turn, branch } = await fork({
      at: { turn: 't3', step: 0 },
      name: 'cat',
      change: { message: 'I have a cat called Mia.' },
    });
    await until(
      'the extraction',
      async () => (await rig.client.turns.explain(turn?.turn ?? '')).extraction ?? undefined,
    );
    const state = await rig.client.threads.state({ thread, branch });
    const texts = state.facts.map(({ text }) => text).join();
    expect(texts).toContain('Mia');
    expect(texts).toContain('Lisbon');
    expect(texts).not.toContain('Porto');
    expect(state.turns.map((each) => each.turn)).toEqual(['t1', 't2', 't3~cat']);
    expect(state.messages.map(({ content }) => content)).toContain('I have a cat called Mia.');
    expect(await main()).toEqual(before);

    // It goes on like any branch, and a fork of it sees what it learnt.
    await send('cat-2', 'What is my cat called, and where do I live?', 'cat');
    expect((await rig.client.turns.get('cat-2')).reply).toMatch(/Mia/);
    expect((await rig.client.turns.get('cat-2')).reply).not.toMatch(/Porto/);
    // Explained with the words of what it inherited, also where the parent has given them up since.
    const recalled = (await steps('cat-2')).flatMap(({ retrieval }) => retrieval?.items ?? []);
    expect(recalled.map(({ text }) => text).join()).toContain('Lisbon');
    expect(recalled.filter(({ text }) => text === '(forgotten)')).toEqual([]);
    const deeper = await fork({
      branch: 'cat',
      at: { turn: 'cat-2', step: 0 },
      name: 'deeper',
      change: { message: 'And the dog?' },
    });
    expect(deeper.parent).toBe('cat');
    const [step] = await steps(deeper.turn?.turn ?? '');
    expect(step?.prompt.map(({ content }) => content).join()).toContain('cat called Mia');
    expect((await rig.client.threads.state({ thread, branch: 'deeper' })).turns.map((each) => each.turn)).toEqual([
      't1',
      't2',
      't3~cat',
      'cat-2~deeper',
    ]);
    expect(await main()).toEqual(before);
  });

  test('may have other instructions, another model, other memories', async () => {
    const facts = (await rig.client.threads.state({ thread, at: { turn: 't1' } })).facts;
    const dog = facts.find(({ text }) => text.includes('Bruno'));
    const { turn } = await fork({
      at: { turn: 't3', step: 0 },
      name: 'changed',
      change: {
        message: 'Where do I live, and what is my dog called?',
        instructions: 'You are another.',
        model: 'demo-2',
        memory: {
          facts: {
            remove: [dog?.fact ?? ''],
            set: [{ subject: 'user', relation: 'dog_name', value: 'Rex', text: 'The dog of the user is called Rex.' }],
          },
          blocks: { set: [{ label: 'tone', value: 'Grand.' }] },
        },
      },
    });
    const [step] = await steps(turn?.turn ?? '');
    const system = step?.prompt[0]?.content ?? '';
    expect(system).toContain('You are another.');
    expect(system).toContain('Grand.');
    expect(system).toContain('Rex');
    expect(system).not.toMatch(/fact · [^\n]*Bruno/);
    const { events } = await rig.client.turns.explain(turn?.turn ?? '');
    expect(events.flatMap(({ type, data }) => (type === 'StepCompleted' ? data.requestedModel : []))).toEqual([
      'demo-2',
    ]);
    expect(step?.promptMatches).toBe(true);
    expect((await rig.client.threads.state({ thread })).facts).toContainEqual(
      expect.objectContaining({ fact: dog?.fact }),
    );
  });

  test('may have other options of the model, and a fork of it others still', async () => {
    const request = { thread: 'sampled', user: 'bo', agent: 'sampled' };
    await rig.client.turns.send({ ...request, turn: 's1', message: 'First words.' });
    const recorded = { temperature: 0.2, seed: 7, stop: ['END'] };
    const [before] = await steps('s1');
    expect(before).toMatchObject({ modelOptions: recorded, promptMatches: true });
    expect(chatBodies(rig.model).at(-1)).toMatchObject(recorded);

    const model = createOpenAiModel({ baseUrl: rig.model.url, apiKey: 'none' });
    const rerun = (change: RerunChange) => rig.client.checkpoints.rerunStep({ turn: 's1', step: 1, change, model });
    expect((await rerun({})).after).toMatchObject({ promptHash: before?.promptHash, modelOptions: recorded });
    expect((await rerun({ modelOptions: { seed: null, temperature: 0 } })).after.modelOptions).toEqual({
      temperature: 0,
      stop: ['END'],
    });
    await expect(rerun({ modelOptions: { seed: 0.5 } })).rejects.toMatchObject({ code: 'INVALID_RERUN' });

    const forkOf = (branch: string, name: string, message: string, modelOptions: ModelOptionsChange): Promise<Fork> =>
      rig.client.checkpoints.fork({
        ...{ thread: 'sampled', branch, at: { turn: branch === 'main' ? 's1' : `s1~${branch}` }, name },
        change: { message, modelOptions },
      });
    const hot = await forkOf('main', 'hot', 'Second words.', { temperature: 1.5, topP: 0.5, seed: null });
    const [step] = await steps(hot.turn?.turn ?? '');
    expect(step?.modelOptions).toEqual({ temperature: 1.5, topP: 0.5, stop: ['END'] });
    expect(step?.promptMatches).toBe(true);
    expect(chatBodies(rig.model).at(-1)).toMatchObject({ temperature: 1.5, top_p: 0.5, stop: ['END'] });
    expect(chatBodies(rig.model).at(-1)).not.toHaveProperty('seed');
    // For every turn of the branch, and of forks of it.
    await rig.client.turns.send({ ...request, turn: 's2', branch: 'hot', message: 'More words.' });
    expect((await steps('s2')).map(({ modelOptions }) => modelOptions.temperature)).toEqual([1.5]);
    const deeper = await forkOf('hot', 'deeper', 'Other words.', { topP: null, reasoningEffort: 'low' });
    const [own] = await steps(deeper.turn?.turn ?? '');
    expect(own?.modelOptions).toEqual({ temperature: 1.5, reasoningEffort: 'low', stop: ['END'] });
    const [checkpoint] = (await rig.client.checkpoints.list({ thread: 'sampled', branch: 'deeper' })).slice(-1);
    expect(checkpoint?.modelOptions).toEqual(own?.modelOptions);

    // The same options in another order are the same fork; others are not.
    expect(await forkOf('main', 'hot', 'Second words.', { seed: null, topP: 0.5, temperature: 1.5 })).toEqual(hot);
    await expect(forkOf('main', 'hot', 'Second words.', { temperature: 1.4 })).rejects.toThrow(BranchTakenError);
    await expect(forkOf('main', 'bad', 'Words.', { temperature: 3 })).rejects.toThrow(
      /modelOptions\.temperature must be a number from 0 to 2, but 3 was given/,
    );
  });

  test('may see another result of a tool', async () => {
    const { turn } = await fork({
      at: { turn: 't2', step: 1 },
      name: 'result',
      change: { toolResult: { step: 1, call: 'echo', result: { said: 'two' } } },
    });
    const [step] = await steps(turn?.turn ?? '');
    expect(step?.step).toBe(2);
    expect(step?.prompt.at(-1)).toMatchObject({ role: 'tool', content: '{"said":"two"}' });
    expect(step?.promptMatches).toBe(true);
  });

  test('answers calls from the record, refuses them, or runs them again', async () => {
    const before = echoes;
    const other = 'Use the tool echo with {"note": "other"}';
    const results = async ({ turn }: Fork): Promise<unknown> =>
      (await rig.client.turns.explain(turn?.turn ?? '')).events.flatMap((event) =>
        event.type === 'ToolCompleted' ? [[event.data.outcome, event.data.code, event.data.result]] : [],
      );
    const at = { turn: 't2', step: 0 };
    expect(await results(await fork({ at, name: 'stub' }))).toEqual([['ok', 'RECORDED', 'echo one 1']]);
    expect(await results(await fork({ at, name: 'stub-other', change: { message: other } }))).toMatchObject([
      ['skipped', 'STUBBED', expect.stringContaining('not run')],
    ]);
    expect(await results(await fork({ at, name: 'forbid', tools: 'forbid' }))).toMatchObject([
      ['rejected', 'TOOLS_FORBIDDEN', expect.anything()],
    ]);
    expect(echoes).toBe(before);
    expect(await results(await fork({ at, name: 'rerun', tools: 'rerun' }))).toEqual([
      ['ok', null, `echo one ${before + 1}`],
    ]);
    expect(echoes).toBe(before + 1);
  });

  test('leaves between the call of a tool and its result, too; approvals are asked for again', async () => {
    const message = 'Use the tool careful with {"note": "x"}';
    await rig.client.turns.send({ turn: 'w', thread: 'waits', user: 'ana', message, agent: 'forked' });
    const at = { turn: 'w', step: 1 };
    const refused = await rig.client.checkpoints.fork({ thread: 'waits', at, name: 'stub' });
    expect(refused.turn?.status).toBe('completed');
    const again = await rig.client.checkpoints.fork({ thread: 'waits', at, name: 'rerun', tools: 'rerun' });
    expect(again.turn?.status).toBe('waiting');
    const [approval] = again.turn?.waitingFor ?? [];
    const { argumentsHash } = await rig.client.approvals.get(approval ?? '');
    await rig.client.approvals.decide({ approval: approval ?? '', decision: 'approve', actor: 'bo', argumentsHash });
    const done = await rig.client.turns.result(again.turn?.turn ?? '');
    expect(done.status).toBe('completed');
    expect((await rig.client.turns.get('w')).status).toBe('waiting');
  });

  test('at every position of its thread is there, and the parent is as it was', async () => {
    const before = await main();
    const head = (await rig.client.threads.state({ thread })).position;
    const first = (await rig.client.turns.get('t1')).position;
    const last = (await rig.client.turns.get('t3')).position + 6;
    for (let position = first; position <= Math.min(last, head); position++) {
      const { turn, branch, ...rest } = await fork({ at: { position }, name: `p-${position}`, tools: 'forbid' });
      expect(rest.position).toBeGreaterThanOrEqual(position);
      if (turn) expect(turn.status).toBe('completed');
      const [then, now] = [
        await rig.client.threads.state({ thread, at: { position: rest.position } }),
        await rig.client.threads.state({ thread, branch }),
      ];
      const ended = then.turns.filter(({ status }) => status === 'completed').map((each) => each.turn);
      expect(now.turns.slice(0, ended.length).map((each) => each.turn)).toEqual(ended);
      expect(now.messages.slice(0, then.messages.length)).toEqual(then.messages);
    }
    expect(await main()).toEqual(before);
  });

  test('of one name is one fork; another one under that name is refused, and so is nonsense', async () => {
    const at = { turn: 't2', step: 0 };
    const [one, two] = await Promise.all([fork({ at, name: 'once' }), fork({ at, name: 'once' })]);
    expect(two).toEqual(one);
    expect(await fork({ at, name: 'once' })).toEqual(one);
    await expect(fork({ at: { turn: 't3' }, name: 'once' })).rejects.toThrow(BranchTakenError);
    const memory = {
      facts: { set: [{ subject: 'user', relation: 'likes', value: 'tea', text: 'The user likes tea.' }] },
    };
    for (const change of [{ memory }, { memory: { blocks: { set: [{ label: 'tone', value: 'x' }] } } }])
      await expect(fork({ at, name: 'once', change })).rejects.toThrow(BranchTakenError);
    expect(await fork({ at, name: 'set', change: { memory } })).toEqual(
      await fork({ at, name: 'set', change: { memory } }),
    );
    const result = (said: string) => ({ toolResult: { step: 1, ordinal: 0, result: { said } } });
    const said = { at: { turn: 't2', step: 1 }, name: 'said' };
    expect(await fork({ ...said, change: result('a') })).toEqual(await fork({ ...said, change: result('a') }));
    await expect(fork({ ...said, change: result('b') })).rejects.toThrow(BranchTakenError);
    await expect(fork({ at, name: 'same', turn: 't1' })).rejects.toThrow(/"t1" is taken/);
    await expect(fork({ at, name: 'main' })).rejects.toThrow(BranchTakenError);
    await expect(fork({ at: { turn: 't2', step: 9 } })).rejects.toThrow(/has 2 steps/);
    await expect(fork({ at: { turn: 'nothing' } })).rejects.toThrow(/"nothing"/);
    await expect(fork({ at, branch: 'nowhere' })).rejects.toThrow(/no branch "nowhere"/);
    await expect(rig.client.checkpoints.fork({ thread: 'no', at })).rejects.toThrow(/"no"/);
    await expect(fork({ at: { turn: 't2', step: 1 }, change: { message: 'x' } })).rejects.toThrow(InvalidForkError);
    await expect(fork({ at, change: { memory: { facts: { remove: ['x'] } } } })).rejects.toThrow(/fact or how-to "x"/);
    await expect(fork({ at, change: { toolResult: { step: 1, ordinal: 0, result: '' } } })).rejects.toThrow(
      /takes over 0 steps/,
    );
  });

  test('is reached when a user is forgotten', async () => {
    expect(await tablesWith(database.admin, 'cat called Mia')).toEqual(
      expect.arrayContaining(['fact_source', 'memory_document', 'message', 'round', 'turn']),
    );
    await rig.client.memory.forget({ user: 'ana', actor: 'test', reason: 'asked' });
    expect(await tablesWith(database.admin, 'cat called Mia')).toEqual([]);
    expect((await rig.client.turns.explain('cat-2')).steps.map(({ forgotten }) => forgotten)).toEqual([true]);
    // What was there before can be looked at, but nobody goes on from it.
    await expect(fork({ at: { turn: 't2', step: 1 }, name: 'too-late' })).rejects.toThrow(/forgotten/);
  });
});
