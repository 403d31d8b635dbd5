import { expect, test, vi } from 'vitest';
import { supportAgent } from '../../examples/support-agent/agent.ts';
import { createStreamHub, StreamTimeoutError, TurnIdTakenError, TurnNotFoundError } from '../../client/index.ts';
import type { HoldfastClient, TurnStreamItem } from '../../client/index.ts';
import { startRig } from '../support/crash-rig.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { approvingAgent } from '../workflows/fixtures/agents.ts';

vi.setConfig({ testTimeout: 90_000 });

const database = withDatabase();
const rig = withRig(database, [supportAgent, approvingAgent]);
const slow = { kind: 'slow', latencyMs: 120 } as const;

/** Words as a screen would show them: deltas added, dropped at a reset. */
function shown(items: readonly TurnStreamItem[]): Record<number, string> {
  const steps: Record<number, string> = {};
  for (const item of items) {
    if (item.type === 'text') steps[item.step] = (steps[item.step] ?? '') + item.text;
    if (item.type === 'reset') steps[item.step] = '';
  }
  return steps;
}

const of = <T extends TurnStreamItem['type']>(items: readonly TurnStreamItem[], type: T) =>
  items.filter((item): item is Extract<TurnStreamItem, { type: T }> => item.type === type);

async function collect(client: HoldfastClient, ...args: Parameters<HoldfastClient['turns']['stream']>) {
  return Array.fromAsync(client.turns.stream(...args));
}

const rowsOf = async (turn: string): Promise<number> =>
  (await database.admin.query('select from text_chunk where turn = $1', [turn])).rowCount ?? 0;

test('words arrive while the model writes, the result at the end; then the rows go', async () => {
  rig.script(() => slow);
  const turn = 'streamed';
  const items: TurnStreamItem[] = [];
  let rowsWhileWriting = 0;
  for await (const item of rig.client.turns.stream({ turn, thread: turn, message: 'Hello there', agent: 'support' })) {
    items.push(item);
    if (item.type === 'text') rowsWhileWriting = Math.max(rowsWhileWriting, await rowsOf(turn));
  }
  rig.script(undefined);
  const last = items.at(-1);
  expect(last).toMatchObject({ type: 'done', turn: { status: 'completed' } });
  const { reply } = await rig.client.turns.get(turn);
  expect(of(items, 'text').length).toBeGreaterThan(2);
  expect(shown(items)).toEqual({ 1: reply });
  expect(of(items, 'reset')).toEqual([]);
  expect(rowsWhileWriting).toBeGreaterThan(0);
  await until('the rows are gone', async () => ((await rowsOf(turn)) === 0 ? true : undefined));

  // Late: everything at once, from the log.
  expect((await collect(rig.client, turn)).map(({ type }) => type)).toEqual(['text', 'done']);
  // And from the end: nothing but the end.
  expect(await collect(rig.client, turn, { from: last?.offset ?? '' })).toEqual([last]);
});

test('in a new process, a stream goes on after the last offset', async () => {
  rig.script(() => slow);
  const turn = 'resumed';
  const before: TurnStreamItem[] = [];
  for await (const item of rig.client.turns.stream({ turn, thread: turn, message: 'Hello there', agent: 'support' })) {
    before.push(item);
    if (before.length === 2) break;
  }
  const other = await rig.anotherClient();
  const after = await collect(other, turn, { from: before.at(-1)?.offset ?? '' });
  rig.script(undefined);
  const { reply } = await rig.client.turns.get(turn);
  expect(of(before, 'text')).toHaveLength(2);
  expect(of(after, 'reset')).toEqual([]);
  expect(of(after, 'text').length).toBeGreaterThan(0);
  expect(shown([...before, ...after])).toEqual({ 1: reply });
});

test('tools and approvals are told, and the stream goes on over a decision', async () => {
  const turn = 'asked';
  const told: string[] = [];
  const request = { turn, thread: turn, message: 'Use the tool ask_first with {"note": "x"}', agent: 'approving' };
  for await (const item of rig.client.turns.stream(request)) {
    if (item.type === 'tool') told.push(`${item.tool} ${item.state} ${item.outcome ?? ''}`.trim());
    if (item.type === 'approval') {
      told.push(`${item.state} ${item.decision ?? ''}`.trim());
      if (item.state === 'waiting')
        await rig.client.approvals.decide({ approval: item.approval, decision: 'approve', actor: 'mia' });
    }
    if (item.type === 'done') told.push(item.turn.status);
  }
  expect(told).toEqual(['waiting', 'decided approve', 'ask_first started', 'ask_first ended ok', 'completed']);
});

test('a worker killed in mid-stream: a reset, then all words once', async ({ onTestFinished }) => {
  const crash = await startRig(database, onTestFinished);
  crash.script(() => ({ kind: 'slow', latencyMs: 150 }));
  const worker = await crash.startProcess();
  const turn = 'killed-in-stream';
  const items: TurnStreamItem[] = [];
  let killed = false;
  for await (const item of crash.client.turns.stream({
    turn,
    thread: turn,
    message: 'Hello there',
    agent: 'support',
  })) {
    items.push(item);
    if (killed || item.type !== 'text') continue;
    killed = true;
    expect(await worker.kill()).toMatchObject({ signal: 'SIGKILL' });
    await crash.startHere([supportAgent]);
  }
  const { reply } = await crash.client.turns.get(turn);
  expect(of(items, 'reset')).toMatchObject([{ step: 1 }]);
  expect(shown(items)).toEqual({ 1: reply });
  expect(items.at(-1)).toMatchObject({ type: 'done', turn: { status: 'completed' } });
  await until('the rows of both calls are gone', async () => ((await rowsOf(turn)) === 0 ? true : undefined));
});

test('worker and client that share a hub stream without waiting for rows', async ({ onTestFinished }) => {
  const hub = createStreamHub();
  const shared = await startRig(database, onTestFinished, { hub });
  shared.script(() => slow);
  await shared.startHere([supportAgent]);
  const turn = 'hub';
  const seen: number[] = [];
  const items: TurnStreamItem[] = [];
  for await (const item of shared.client.turns.stream({
    turn,
    thread: turn,
    message: 'Hello there',
    agent: 'support',
  })) {
    items.push(item);
    if (item.type === 'text') seen.push(item.text.split(/\s+/).filter(Boolean).length);
  }
  expect(shown(items)).toEqual({ 1: (await shared.client.turns.get(turn)).reply });
  // Rows come every 80 ms with two words and more; the hub tells of each.
  expect(seen.filter((words) => words <= 1).length).toBeGreaterThan(3);
  expect(of(items, 'reset')).toEqual([]);
});

test('who forgets a user forgets the words on their way', async () => {
  rig.script(() => slow);
  const turn = 'forgotten-words';
  const request = { turn, thread: turn, user: 'gone', message: 'Hello there', agent: 'support' };
  const items: TurnStreamItem[] = [];
  for await (const item of rig.client.turns.stream(request)) {
    items.push(item);
    if (items.length !== 2) continue;
    const receipt = await rig.client.memory.forget({ user: 'gone', actor: 'dpo', reason: 'asked for' });
    expect(JSON.stringify(receipt)).toContain('text_chunk');
    expect(await rowsOf(turn)).toBe(0);
  }
  rig.script(undefined);
  expect(items.at(-1)).toMatchObject({ type: 'done', turn: { status: 'failed' } });
  expect(await rowsOf(turn)).toBe(0);
});

test('what cannot be streamed says so', async () => {
  await expect(collect(rig.client, 'no-such-turn')).rejects.toThrow(TurnNotFoundError);
  await expect(collect(rig.client, { thread: 't', message: ' ', agent: 'support' })).rejects.toMatchObject({
    code: 'INVALID_TURN',
  });
  await rig.client.turns.send({ turn: 'taken', thread: 't', message: 'Hello', agent: 'support' });
  await expect(
    collect(rig.client, { turn: 'taken', thread: 't', message: 'Another', agent: 'support' }),
  ).rejects.toThrow(TurnIdTakenError);
  const turn = 'waits';
  const request = { turn, thread: turn, message: 'Use the tool ask_first with {"note": "x"}', agent: 'approving' };
  const timedOut = await collect(rig.client, request, { timeoutMs: 1_500 }).catch((error: unknown) => error);
  expect(timedOut).toBeInstanceOf(StreamTimeoutError);
  const reason = new Error('enough');
  await expect(collect(rig.client, turn, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const stopping = new AbortController();
  const going = collect(rig.client, turn, { signal: stopping.signal, from: (timedOut as StreamTimeoutError).offset });
  stopping.abort(reason);
  await expect(going).rejects.toBe(reason);
});
