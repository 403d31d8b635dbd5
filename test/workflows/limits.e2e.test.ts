import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import type { Agent, AgentLimits } from '../../agents/index.ts';
import type { TurnResult } from '../../client/index.ts';
import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import { callsAbout } from '../support/model-calls.ts';
import { readTurnLog, terminals } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';

const input = z.object({ note: z.string() });
/** Notes of every call that was run. */
const ran: string[] = [];

function limited(name: string, limits: AgentLimits): Agent {
  return defineAgent({
    name,
    instructions: 'You go on.',
    model: 'demo',
    tools: [
      defineTool({
        name: 'note',
        description: 'Notes.',
        input,
        execute: ({ note }) => {
          ran.push(note);
          return `noted ${note}`;
        },
      }),
      defineTool({ name: 'hangs', description: 'Never answers.', input, execute: () => new Promise(() => undefined) }),
      defineTool({ name: 'asks', description: 'Asks.', input, approval: 'always', execute: () => 'done' }),
    ],
    memory: { extract: false },
    limits,
  });
}

const price = { inputPerMillion: 1_000, outputPerMillion: 10_000 };
const agents = {
  calls: limited('calls', { maxToolCalls: 3 }),
  tokens: limited('tokens', { maxTokens: 900 }),
  cost: limited('cost', { maxCostUsd: 0.5, prices: { demo: price } }),
  wall: limited('wall', { maxWallMs: 1_200 }),
  // As it is where the configured default model is another one than those with a price.
  unpriced: { ...limited('unpriced', { maxCostUsd: 1, prices: { demo: price, other: price } }), model: 'third' },
};
const database = withDatabase();
const rig = withRig(database, Object.values(agents));

const calls = (...notes: string[]): Misbehaviour => ({
  kind: 'reply',
  calls: notes.map((note) => ({ name: 'note', arguments: JSON.stringify({ note }) })),
});

/** Sends a message while the model gives these replies, the last one again and again; then a second message without them. */
async function play(
  turn: string,
  agent: string,
  replies: readonly Misbehaviour[],
): Promise<{ result: TurnResult; next: TurnResult }> {
  let n = 0;
  rig.script(() => replies[Math.min(n++, replies.length - 1)]);
  const result = await rig.client.turns.send({ turn, thread: turn, message: `This is ${turn}`, agent });
  rig.script(undefined);
  const next = await rig.client.turns.send({ thread: turn, message: 'Hello again', agent });
  return { result, next };
}

async function eventsOf(turn: string) {
  const events = await readTurnLog(database.admin, turn);
  return {
    calls: events.filter(({ type }) => type === 'ToolCompleted').map(({ data }) => [data['outcome'], data['code']]),
    limits: events.filter(({ type }) => type === 'LimitReached').map(({ data }) => data),
    ends: terminals(events).map(({ type }) => type),
  };
}

test('tool calls past the limit are not started; those before are settled, and the thread goes on', async () => {
  const { result, next } = await play('calls', 'calls', [calls('a', 'b'), calls('c', 'd')]);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_TOOL_CALLS', steps: 2, reply: null });
  expect(result.detail).toMatch(/may use 3 tool calls; it has used 4.*limits\.maxToolCalls/);
  expect(ran.toSorted()).toEqual(['a', 'b']);
  const { calls: ends, limits, ends: terminal } = await eventsOf('calls');
  expect(ends).toEqual([
    ['ok', null],
    ['ok', null],
    ['skipped', 'LIMIT_TOOL_CALLS'],
    ['skipped', 'LIMIT_TOOL_CALLS'],
  ]);
  expect(limits).toMatchObject([{ step: 2, limit: 'tool_calls', allowed: 3, used: 4 }]);
  expect(terminal).toEqual(['TurnFailed']);
  expect(next.status).toBe('completed');
});

test('as many calls as the limit allows are fine', async () => {
  const { result } = await play('calls-enough', 'calls', [calls('x', 'y', 'z'), { kind: 'reply', text: 'Done.' }]);
  expect(result).toMatchObject({ status: 'completed', reply: 'Done.' });
});

test('tokens of all steps together end a turn; a final reply past the limit stands', async () => {
  const { result, next } = await play('tokens', 'tokens', [calls('t')]);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_TOKENS' });
  const { limits } = await eventsOf('tokens');
  const usage = (await readTurnLog(database.admin, 'tokens'))
    .filter(({ type }) => type === 'StepCompleted')
    .map(({ data }) => data['usage'] as { inputTokens: number; outputTokens: number });
  expect(usage.length).toBeGreaterThan(1);
  const used = usage.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
  expect(limits).toMatchObject([{ limit: 'tokens', allowed: 900, used }]);
  expect(next.status).toBe('completed');

  const long = await play('tokens-final', 'tokens', [{ kind: 'reply', text: 'word '.repeat(2_000) }]);
  expect(long.result.status).toBe('completed');
});

test('cost ends a turn by the prices of the agent', async () => {
  const { result, next } = await play('cost', 'cost', [calls('c')]);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_COST' });
  expect(result.detail).toMatch(/0\.5 US dollars/);
  const { limits } = await eventsOf('cost');
  const cost = (await readTurnLog(database.admin, 'cost'))
    .filter(({ type }) => type === 'StepCompleted')
    .map(({ data }) => data['usage'] as { inputTokens: number; outputTokens: number })
    .reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens / 1_000 + outputTokens / 100, 0);
  expect(limits[0]?.['used']).toBeCloseTo(cost, 6);
  expect(cost).toBeGreaterThan(0.5);
  expect(next.status).toBe('completed');
});

test('a model without a price is not asked when cost is limited', async () => {
  const { result } = await play('unpriced', 'unpriced', [{ kind: 'reply', text: 'Free.' }]);
  expect(result).toMatchObject({ status: 'failed', code: 'PRICE_UNKNOWN', steps: 0 });
  expect(result.detail).toMatch(/no price for the model "third"; it knows demo, other/);
  expect(callsAbout(rig.model, 'This is unpriced').steps).toBe(0);
});

test('a model call that hangs past the wall time is given up', async () => {
  const { result, next } = await play('wall-model', 'wall', [{ kind: 'hang' }]);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_WALL_TIME', steps: 0 });
  expect(callsAbout(rig.model, 'This is wall-model').steps).toBe(1);
  expect(next.status).toBe('completed');
});

test('a tool that hangs past the wall time is settled as timed out before the turn fails', async () => {
  const hang: Misbehaviour = { kind: 'reply', calls: [{ name: 'hangs', arguments: '{"note":"h"}' }] };
  const { result, next } = await play('wall-tool', 'wall', [hang]);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_WALL_TIME', steps: 1 });
  expect((await eventsOf('wall-tool')).calls).toEqual([['timed_out', 'LIMIT_WALL_TIME']]);
  expect(next.status).toBe('completed');
});

test('a server that asks to wait longer than the turn may take is not waited for', async () => {
  const started = performance.now();
  const { result } = await play('wall-retry', 'wall', [{ kind: 'status', status: 429, retryAfter: '3600' }]);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_WALL_TIME' });
  expect(performance.now() - started).toBeLessThan(20_000);
});

test('waiting for a person is not work', async () => {
  const turn = 'wall-person';
  let asked = false;
  rig.script(() => {
    if (asked) return { kind: 'reply', text: 'Thank you.' };
    asked = true;
    return { kind: 'reply', calls: [{ name: 'asks', arguments: '{"note":"p"}' }] };
  });
  const waiting = await rig.client.turns.send({ turn, thread: turn, message: 'Ask me', agent: 'wall' });
  expect(waiting.status).toBe('waiting');
  // Longer than the turn may work: the time of the request is in the log.
  const decideAt = Date.now() + 1_500;
  await expect.poll(() => Date.now(), { timeout: 5_000, interval: 100 }).toBeGreaterThan(decideAt);
  await rig.client.approvals.decide({ approval: waiting.waitingFor[0] ?? '', decision: 'approve', actor: 'mia' });
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'completed', reply: 'Thank you.' });
  rig.script(undefined);
});
