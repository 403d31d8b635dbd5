import { expect, test } from 'vitest';
import { supportAgent } from '../../examples/support-agent/agent.ts';
import { closedHistory, workflowOf } from '../support/histories.ts';
import { chatBodies } from '../support/model-calls.ts';
import { readLog, readTurnLog, terminals } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { approvingAgent, limitedAgent } from './fixtures/agents.ts';

const database = withDatabase();
const rig = withRig(database, [supportAgent, approvingAgent, limitedAgent]);

test('a plain turn: answered, few events, and no conversation text in Temporal', async () => {
  const turn = 'plain';
  const message = 'My name is Wilhelmina. I live in Lisbon. My dog is called Bruno.';
  const result = await rig.client.turns.send({ turn, thread: turn, user: 'ana', message, agent: 'support' });
  expect(result).toMatchObject({ status: 'completed', steps: 1, message, waitingFor: [] });
  const { events, bytes } = await closedHistory(rig, turn);
  console.log(`history of a plain turn: ${events} events, ${bytes.length} bytes`);
  expect(events).toBeLessThanOrEqual(30);
  expect(bytes.length).toBeLessThan(8_192);
  // The search works: references are there.
  expect(bytes.includes(turn)).toBe(true);
  const words = `${message} ${result.reply ?? ''} ${supportAgent.instructions}`.split(/[^\p{L}]+/u);
  const texts = words.filter(
    (word) => word.length >= 5 && !['support', 'thread', 'agent'].includes(word.toLowerCase()),
  );
  expect(texts).toContain('Wilhelmina');
  expect(texts.filter((word) => bytes.includes(word))).toEqual([]);
});

test('a tool turn: one more step, still few events and no text', async () => {
  const turn = 'tool';
  const message = 'Use the tool echo with {"note": "Rumpelstilzchen"}';
  const result = await rig.client.turns.send({ turn, thread: turn, message, agent: 'approving' });
  expect(result).toMatchObject({ status: 'completed', steps: 2 });
  expect(result.reply).toContain('Rumpelstilzchen');
  const { events, bytes } = await closedHistory(rig, turn);
  console.log(`history of a tool turn: ${events} events, ${bytes.length} bytes`);
  expect(events).toBeLessThanOrEqual(40);
  expect(bytes.includes('Rumpelstilzchen')).toBe(false);
});

test('turns sent at once to one thread are answered one after the other, in the order of the log', async () => {
  const thread = 'busy';
  const messages = ['I live in Lisbon.', 'My dog is called Bruno.', 'What is my dog called?'];
  const results = await Promise.all(
    messages.map((message) => rig.client.turns.send({ thread, message, agent: 'support' })),
  );
  expect(results.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
  const requested = results.toSorted((a, b) => a.position - b.position).map(({ turn }) => turn);
  const ended = terminals(await readLog(database.admin)).map(({ data }) => data['turn']);
  expect(ended.filter((turn) => requested.includes(String(turn)))).toEqual(requested);
  // The last one was asked with both earlier rounds in its prompt.
  const last = await rig.client.turns.explain(requested.at(-1) ?? '');
  expect(last.steps[0]?.prompt.filter(({ role }) => role !== 'system')).toHaveLength(5);
});

test('a turn cancelled while it waits for a person is aborted; its thread goes on', async () => {
  const turn = 'cancelled';
  const thread = 'cancelled';
  const message = 'Use the tool ask_first with {"note": "x"}';
  const waiting = await rig.client.turns.send({ turn, thread, message, agent: 'approving' });
  expect(waiting).toMatchObject({ status: 'waiting', waitingFor: ['cancelled.1.0'] });
  await workflowOf(rig, turn).cancel();
  expect(await rig.client.turns.result(turn)).toMatchObject({ status: 'waiting' });
  const ended = await until('the turn has ended', async () => {
    const now = await rig.client.turns.get(turn);
    return now.status === 'waiting' ? undefined : now;
  });
  expect(ended).toMatchObject({ status: 'aborted', code: 'temporal:cancel', waitingFor: [] });
  expect(terminals(await readTurnLog(database.admin, turn)).map(({ type }) => type)).toEqual(['TurnAborted']);
  const next = await rig.client.turns.send({ thread, message: 'Hello again', agent: 'approving' });
  expect(next.status).toBe('completed');
});

test('a turn cancelled during the model call is aborted, and the call is given up', async () => {
  const turn = 'cancelled-call';
  const asked = Promise.withResolvers<null>();
  rig.script(() => {
    asked.resolve(null);
    return { kind: 'hang' };
  });
  const answer = rig.client.turns.send({ turn, thread: turn, message: 'Hello', agent: 'support' });
  await asked.promise;
  rig.script(undefined);
  await workflowOf(rig, turn).cancel();
  expect(await answer).toMatchObject({ status: 'aborted', steps: 0 });
});

test('a turn that never comes to an end stops at its step limit; its thread goes on', async () => {
  const turn = 'endless';
  rig.script(() => ({ kind: 'reply', calls: [{ name: 'echo', arguments: '{"note":"again"}' }] }));
  const result = await rig.client.turns.send({ turn, thread: turn, message: 'Go on', agent: 'limited' });
  rig.script(undefined);
  expect(result).toMatchObject({ status: 'failed', code: 'LIMIT_STEPS', steps: 2, reply: null });
  expect(result.detail).toMatch(/2 model calls/);
  const next = await rig.client.turns.send({ thread: turn, message: 'Hello', agent: 'limited' });
  expect(next.status).toBe('completed');
});

test('a turn for an agent that no worker knows fails with its name; its thread goes on', async () => {
  const turn = 'stranger';
  const result = await rig.client.turns.send({ turn, thread: turn, message: 'Hello', agent: 'nobody' });
  expect(result).toMatchObject({ status: 'failed', code: 'UNKNOWN_AGENT' });
  expect(result.detail).toMatch(/"nobody".*"support"/);
  const next = await rig.client.turns.send({ thread: turn, message: 'Hello', agent: 'support' });
  expect(next.status).toBe('completed');
});

test('the prompt of a step is what was sent over the wire', async () => {
  const turn = 'wire';
  await rig.client.turns.send({ turn, thread: turn, message: 'Hello wire', agent: 'support' });
  const sent = chatBodies(rig.model).findLast(({ messages }) => messages.at(-1)?.content === 'Hello wire');
  const { steps } = await rig.client.turns.explain(turn);
  expect(sent?.messages).toEqual(steps[0]?.prompt);
});
