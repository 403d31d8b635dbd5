import { beforeAll, expect, test } from 'vitest';
import { defineAgent } from '../../agents/index.ts';
import type { Misbehaviour, RecordedRequest } from '../../llm/demo-model/misbehaviour.ts';
import { estimateTokens } from '../../memory/text.ts';
import { readLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';

const database = withDatabase();
const budget = 600;
const memory = { extract: false, tools: false, recallLimit: 0, messageTokens: budget };
let script: ((request: RecordedRequest) => Misbehaviour | undefined) | undefined;
const worker = withWorker(database, {
  agents: [
    defineAgent({ name: 'listener', instructions: 'You listen.', memory }),
    defineAgent({ name: 'cutter', instructions: 'You listen.', memory: { ...memory, compact: false } }),
  ],
  demoModel: { script: (request) => script?.(request) },
});
const words = (n: number) => `Locker ${n} belongs to number ${n * 7}. ${'It is so. '.repeat(n % 9)}`;
const isSummary = ({ body }: RecordedRequest) => JSON.stringify(body).includes('You summarise the earliest part');
const compacted = async (thread: string, least = 1) =>
  until(`${least} compactions of ${thread}`, async () => {
    const rows = await worker.client.threads.summaries({ thread });
    return rows.length >= least ? rows : undefined;
  });
const talk = async (thread: string, turns: number, more: { agent?: string; user?: string; from?: number } = {}) => {
  const { agent = 'listener', user = 'ana', from = 1 } = more;
  for (let n = from; n < from + turns; n += 1)
    await worker.client.turns.send({ thread, user, agent, turn: `${thread}-${n}`, message: words(n) });
};

test(
  '200 turns stay under the budget; the prompt is rebuilt byte for byte; summaries expand to the originals',
  { timeout: 240_000 },
  async () => {
    await talk('long', 200);
    const rows = await compacted('long', 5);
    const log = (await readLog(database.admin)).filter(({ data }) => data['thread'] === 'long');
    const steps = log.filter(({ type }) => type === 'StepCompleted');
    expect(steps).toHaveLength(200);
    // Besides earlier messages: the instructions, the message of the turn and the JSON around them.
    const most = budget + estimateTokens(words(8)) + 60;
    const tokens = steps.map(({ data }) => (data['prompt'] as { tokens: number }).tokens);
    expect(Math.max(...tokens)).toBeLessThanOrEqual(most);
    expect(Math.max(...tokens)).toBeGreaterThan(budget / 2);

    const {
      steps: [last],
    } = await worker.client.turns.explain('long-200');
    expect(last?.promptMatches).toBe(true);
    expect(last?.prompt[0]?.content).toContain('# Earlier in this conversation');

    // What is replaced and what stands in the prompt are the conversation, once and in order.
    const [newest] = rows;
    const expanded = await worker.client.threads.expand({ thread: 'long', summary: newest?.compaction ?? '' });
    const originals = expanded.messages.flatMap(({ role, content }) => (role === 'user' ? [content] : []));
    expect(originals).toEqual(Array.from({ length: originals.length }, (_, index) => words(index + 1)));
    expect(expanded.messages.every(({ role }, index) => role === (index % 2 === 0 ? 'user' : 'assistant'))).toBe(true);
    expect(newest?.tokens.after).toBeLessThan(newest?.tokens.before ?? 0);

    await expect(worker.client.threads.expand({ thread: 'long', summary: 'c-nothing' })).rejects.toMatchObject({
      code: 'SUMMARY_NOT_FOUND',
    });
  },
);

test('a model that fails costs the wording, not the compaction', async () => {
  script = (request) => (isSummary(request) ? { kind: 'status', status: 500 } : undefined);
  await talk('failing', 24);
  const row = (await compacted('failing')).at(-1);
  script = undefined;
  expect(row).toMatchObject({ by: 'extract' });
  expect(row?.summary).toMatch(/^- user: Locker \d+ belongs to number/m);
  const { problems } = await worker.client.threads.expand({ thread: 'failing', summary: row?.compaction ?? '' });
  expect(problems).not.toEqual([]);
});

test('without compaction the oldest turns are left out, and nothing is written', async () => {
  await talk('cut', 30, { agent: 'cutter' });
  expect(await worker.client.threads.summaries({ thread: 'cut' })).toEqual([]);
});

test('a fork sees the summaries of before it left, and makes its own', async () => {
  await talk('forked', 24);
  const [row] = await compacted('forked');
  const at = (await worker.client.turns.get('forked-4')).position;
  await worker.client.checkpoints.fork({
    thread: 'forked',
    at: { position: at },
    name: 'early',
    change: { message: 'Hello' },
  });
  expect(await worker.client.threads.summaries({ thread: 'forked', branch: 'early' })).toEqual([]);
  const head = (await worker.client.turns.get('forked-24')).position;
  const late = await worker.client.checkpoints.fork({
    ...{
      thread: 'forked',
      at: { position: Math.max(head, row?.position ?? 0) },
      name: 'late',
      change: { message: 'Hello' },
    },
  });
  const seen = await worker.client.threads.summaries({ thread: 'forked', branch: 'late' });
  expect(seen.map(({ compaction }) => compaction)).toContain(row?.compaction);
  const { steps } = await worker.client.turns.explain(late.turn?.turn ?? '');
  expect(steps[0]?.prompt[0]?.content).toContain('# Earlier in this conversation');
  expect(steps[0]?.promptMatches).toBe(true);
  // As of an earlier position there was none.
  expect(await worker.client.threads.summaries({ thread: 'forked', at })).toEqual([]);
});

beforeAll(() => {
  script = undefined;
});
