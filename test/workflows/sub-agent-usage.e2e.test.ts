import { afterEach, expect, test } from 'vitest';
import { agentTool, defineAgent } from '../../agents/index.ts';
import type { Agent, AgentLimits } from '../../agents/index.ts';
import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import { streams } from '../../memory/keys.ts';
import { readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { castOf } from './fixtures/asking-agents.ts';
import type { Part } from './fixtures/asking-agents.ts';

const price = { inputPerMillion: 1_000, outputPerMillion: 1_000 };
const prices = { demo: price, other: price };

function agent(name: string, model: string, limits: AgentLimits, asks: readonly string[]): Agent {
  return defineAgent({
    name,
    model,
    instructions: 'You ask.',
    tools: asks.flatMap((other) => [
      agentTool({ agent: other, name: `ask_${other}`, description: 'Asks.' }),
      agentTool({ agent: other, name: `tell_${other}`, description: 'Hands over.', wait: false }),
    ]),
    memory: { extract: false },
    limits,
  });
}

const database = withDatabase();
const rig = withRig(database, [
  agent('worker', 'demo', { prices }, []),
  agent('middle', 'demo', { prices }, ['worker']),
  agent('top', 'demo', { prices }, ['middle', 'worker', 'free']),
  agent('few-tokens', 'demo', { maxTokens: 10_000 }, ['worker']),
  agent('few-dollars', 'demo', { maxCostUsd: 10, prices }, ['worker', 'free', 'between']),
  agent('free', 'unpriced', {}, []),
  agent('between', 'demo', { prices }, ['free']),
]);
afterEach(() => rig.script(undefined));

/** A reply that the server says took this many tokens to write. */
const counted = (text: string, tokens: number): Misbehaviour => ({ kind: 'reply', text, tokens });
const asks = (tool: string, message: string): Part => ({ call: { name: tool, arguments: { message } }, then: 'Done.' });
const send = (turn: string, agentName: string, message: string) =>
  rig.client.turns.send({ turn, thread: turn, user: 'ana', message, agent: agentName });
/** What the model server counted for the steps of a turn. */
async function countedIn(turn: string): Promise<number> {
  const events = await Array.fromAsync(database.store.readStream('default', streams.turn(turn)));
  return events
    .flatMap((event) => (event.type === 'StepCompleted' ? [event.data.usage] : []))
    .reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
}
const usage = async (turn: string) => (await rig.client.turns.explain(turn)).usage;

test('what children used, and their children, counts in the turn that waited for them, once', async () => {
  rig.script(
    castOf({
      'Ask down': asks('ask_middle', 'Ask further down'),
      'Ask further down': asks('ask_worker', 'Work hard'),
      'Work hard': { then: counted('Nine.', 4_000) },
    }),
  );
  expect(await send('deep', 'top', 'Ask down')).toMatchObject({ status: 'completed' });
  const own = { top: await countedIn('deep'), middle: await countedIn('deep+1+0') };
  const below = await countedIn('deep+1+0+1+0');
  expect(below).toBeGreaterThan(4_000);
  expect(await usage('deep+1+0+1+0')).toMatchObject({ tokens: below, children: { tokens: 0, costUsd: 0 } });
  const middle = await usage('deep+1+0');
  expect(middle).toMatchObject({ tokens: own.middle + below, children: { tokens: below } });
  const top = await usage('deep');
  expect(top).toMatchObject({
    tokens: own.top + own.middle + below,
    children: { tokens: middle.tokens, costUsd: middle.costUsd },
  });
  expect(top.costUsd).toBeCloseTo(top.tokens / 1_000, 6);
});

test('a child that spends more than the asking turn has left ends it at its guard', async () => {
  rig.script(castOf({ 'Spend it': asks('ask_worker', 'Work'), Work: { then: counted('So.', 20_000) } }));
  expect(await send('tokens', 'few-tokens', 'Spend it')).toMatchObject({
    status: 'failed',
    code: 'LIMIT_TOKENS',
    steps: 1,
  });
  const limit = (await readTurnLog(database.admin, 'tokens')).find(({ type }) => type === 'LimitReached');
  expect(limit?.data).toMatchObject({
    limit: 'tokens',
    allowed: 10_000,
    used: (await countedIn('tokens')) + (await countedIn('tokens+1+0')),
  });
  expect(await countedIn('tokens')).toBeLessThan(10_000);

  expect(await send('dollars', 'few-dollars', 'Spend it')).toMatchObject({
    status: 'failed',
    code: 'LIMIT_COST',
    steps: 1,
  });
  expect(await usage('dollars')).toMatchObject({ children: { tokens: await countedIn('dollars+1+0') } });
  // The thread goes on.
  rig.script(undefined);
  expect(await rig.client.turns.send({ thread: 'tokens', message: 'Hello again', agent: 'few-tokens' })).toMatchObject({
    status: 'completed',
  });
});

test('a child that fails counts as well: its model calls were made', async () => {
  let calls = 0;
  const cast = castOf({ 'Try it': asks('ask_middle', 'Break'), 'Work a little': { then: counted('So.', 3_000) } });
  rig.script((request) => {
    const { messages = [] } = request.body as { messages?: { role: string; content?: string }[] };
    if (messages.findLast(({ role }) => role === 'user')?.content !== 'Break') return cast(request);
    calls += 1;
    return calls === 1
      ? { kind: 'reply', calls: [{ name: 'ask_worker', arguments: '{"message":"Work a little"}' }] }
      : { kind: 'status', status: 401 };
  });
  expect(await send('broken', 'top', 'Try it')).toMatchObject({ status: 'completed' });
  expect(await rig.client.turns.get('broken+1+0')).toMatchObject({ status: 'failed', steps: 1 });
  expect(await usage('broken')).toMatchObject({
    children: { tokens: (await countedIn('broken+1+0')) + (await countedIn('broken+1+0+1+0')) },
  });
});

test('work that was handed over counts in its own turn only', async () => {
  rig.script(castOf({ 'Hand it over': asks('tell_worker', 'Work'), Work: { then: counted('So.', 20_000) } }));
  expect(await send('handed', 'few-tokens', 'Hand it over')).toMatchObject({ status: 'completed' });
  await until('the work is done', async () => {
    const child = await rig.client.turns.get('handed+1+0').catch(() => undefined);
    return child?.status === 'completed' ? true : undefined;
  });
  expect(await usage('handed')).toMatchObject({
    tokens: await countedIn('handed'),
    children: { tokens: 0, costUsd: 0 },
  });
  expect(await usage('handed+1+0')).toMatchObject({ tokens: await countedIn('handed+1+0') });
});

test.each([
  ['ask_free', 'free'],
  // However deep it would be.
  ['ask_between', 'free'],
])('where the cost is limited, %s is not asked: agent "%s" has no price', async (tool, unpriced) => {
  rig.script(castOf({ 'Ask them': asks(tool, 'Hello') }));
  const turn = `unpriced-${tool}`;
  expect(await send(turn, 'few-dollars', 'Ask them')).toMatchObject({ status: 'completed' });
  const events = await Array.fromAsync(database.store.readStream('default', streams.turn(turn)));
  const [call] = events.flatMap((event) => (event.type === 'ToolCompleted' ? [event.data] : []));
  expect(call).toMatchObject({ outcome: 'failed', code: 'PRICE_UNKNOWN' });
  expect(call?.result).toContain(`agent "${unpriced}" has no price`);
  await expect(rig.client.turns.get(`${turn}+1+0`)).rejects.toMatchObject({ code: 'TURN_NOT_FOUND' });
  // One that is not limited asks them.
  expect(await send(`${turn}-top`, 'top', 'Ask them')).toMatchObject({ status: 'completed' });
});
