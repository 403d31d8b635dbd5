import { afterEach, expect, test } from 'vitest';
import type { ToolCompleted } from '../../memory/events.ts';
import { streams } from '../../memory/keys.ts';
import { closedHistory } from '../support/histories.ts';
import { readTurnLog, terminals } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { castOf, helper, planner } from './fixtures/asking-agents.ts';
import type { Part } from './fixtures/asking-agents.ts';

const database = withDatabase();
const rig = withRig(database, [planner, helper]);
afterEach(() => rig.script(undefined));

const asks = (name: string, message: string, then: Part['then'] = 'That is all.'): Part => ({
  call: { name, arguments: { message } },
  then,
});
const send = (turn: string, message: string) =>
  rig.client.turns.send({ turn, thread: turn, user: 'ana', message, agent: 'planner' });

/** The outcome of a turn's only tool call. The texts are encrypted: read by the store. */
async function toolCall(turn: string): Promise<ToolCompleted['data']> {
  const events = await Array.fromAsync(database.store.readStream('default', streams.turn(turn)));
  const done = events.flatMap((event) => (event.type === 'ToolCompleted' ? [event.data] : []));
  expect(done).toHaveLength(1);
  if (!done[0]) throw new Error('There is no tool call.');
  return done[0];
}

/** A turn once it has ended. */
const ended = (turn: string) =>
  until(`${turn} has ended`, async () => {
    const now = await rig.client.turns.get(turn).catch(() => undefined);
    return now === undefined || now.status === 'running' || now.status === 'waiting' ? undefined : now;
  });

test('an agent asks another one and waits: a turn and a thread of its own, its reply is the result', async () => {
  rig.script(
    castOf({
      'Plan it': asks('ask_helper', 'How far is Rumpelstilzchen?'),
      'How far is Rumpelstilzchen?': { then: 'Nine miles.' },
    }),
  );
  const result = await send('wait', 'Plan it');
  expect(result).toMatchObject({ status: 'completed', reply: 'That is all.', steps: 2 });
  expect(await toolCall('wait')).toMatchObject({ outcome: 'ok', code: null, result: 'Nine miles.' });
  const child = await rig.client.turns.get('wait+1+0');
  expect(child).toMatchObject({ status: 'completed', agent: 'helper', user: 'ana', thread: 'wait+1+0' });
  const request = (await readTurnLog(database.admin, 'wait+1+0')).find(({ type }) => type === 'TurnRequested');
  expect(request?.data['parent']).toEqual({ turn: 'wait', step: 1, ordinal: 0, depth: 1, waits: true });
  // References only, as everywhere.
  const { bytes, events } = await closedHistory(rig, 'wait');
  expect(bytes.includes('Rumpelstilzchen') || bytes.includes('Nine miles')).toBe(false);
  expect(events).toBeLessThan(60);
});

test("a child's failure is a result the asking agent can work with", async () => {
  rig.script(castOf({ 'Try it': asks('ask_helper', 'Break'), Break: { then: { kind: 'status', status: 401 } } }));
  expect(await send('fails', 'Try it')).toMatchObject({ status: 'completed', reply: 'That is all.' });
  expect(await toolCall('fails')).toMatchObject({ outcome: 'failed', code: 'SUBAGENT_FAILED' });
  expect((await toolCall('fails')).result).toMatch(/MODEL_AUTH/);
});

test('an agent that no worker knows fails its own turn, not the asking one', async () => {
  rig.script(castOf({ 'Ask around': asks('ask_stranger', 'Who are you?') }));
  expect(await send('stranger', 'Ask around')).toMatchObject({ status: 'completed' });
  expect((await toolCall('stranger')).result).toMatch(/UNKNOWN_AGENT.*"stranger"/);
});

test('a child that waits for a person is seen from the turn that waits for it', async () => {
  rig.script(
    castOf({
      'Publish it': asks('ask_helper', 'Publish the news'),
      'Publish the news': { call: { name: 'publish', arguments: { text: 'news' } }, then: 'It is out.' },
    }),
  );
  const waiting = await send('person', 'Publish it');
  expect(waiting).toMatchObject({ status: 'waiting', waitingFor: ['person+1+0.1.0'] });
  expect(await rig.client.turns.get('person+1+0')).toMatchObject({ status: 'waiting' });
  await rig.client.approvals.decide({ approval: 'person+1+0.1.0', decision: 'approve', actor: 'mia' });
  expect(await ended('person')).toMatchObject({ status: 'completed', waitingFor: [] });
  expect(await toolCall('person')).toMatchObject({ outcome: 'ok', result: 'It is out.' });
});

test('cancelling the turn that waits aborts the child', async () => {
  const asked = Promise.withResolvers<null>();
  const cast = castOf({
    'Stop me': asks('ask_helper', 'Think for ever'),
    'Think for ever': { then: { kind: 'hang' } },
  });
  rig.script((request) => {
    const part = cast(request);
    if (part?.kind === 'hang') asked.resolve(null);
    return part;
  });
  const answer = send('cancelled', 'Stop me');
  await asked.promise;
  await rig.client.turns.cancel('cancelled', { actor: 'mia', reason: 'enough' });
  expect(await answer).toMatchObject({ status: 'aborted', code: 'mia' });
  expect(await ended('cancelled+1+0')).toMatchObject({ status: 'aborted', code: 'agent:planner' });
  expect(terminals(await readTurnLog(database.admin, 'cancelled+1+0'))).toHaveLength(1);
  const next = await rig.client.turns.send({ thread: 'cancelled', message: 'Hello', agent: 'planner' });
  expect(next.status).toBe('completed');
});

test('a child that takes too long is aborted, and the asking agent is told', async () => {
  rig.script(
    castOf({ 'Be quick': asks('ask_briefly', 'Take your time'), 'Take your time': { then: { kind: 'hang' } } }),
  );
  expect(await send('slow', 'Be quick')).toMatchObject({ status: 'completed', reply: 'That is all.' });
  expect(await toolCall('slow')).toMatchObject({ outcome: 'timed_out', code: 'TOOL_TIMED_OUT' });
  expect(await ended('slow+1+0')).toMatchObject({ status: 'aborted', code: 'agent:planner' });
});

test('work that is handed over goes on by itself; its approvals are not those of the turn that handed it over', async () => {
  rig.script(
    castOf({
      'Hand it over': asks('hand_over', 'Publish later'),
      'Publish later': { call: { name: 'publish', arguments: { text: 'later' } }, then: 'Done later.' },
    }),
  );
  expect(await send('handed', 'Hand it over')).toMatchObject({ status: 'completed', waitingFor: [] });
  expect((await toolCall('handed')).result).toMatch(/works on it by itself: turn handed\+1\+0/);
  const approval = await until('the child asks a person', async () => {
    const child = await rig.client.turns.get('handed+1+0');
    return child.waitingFor[0];
  });
  await rig.client.approvals.decide({ approval, decision: 'approve', actor: 'mia' });
  expect(await ended('handed+1+0')).toMatchObject({ status: 'completed', reply: 'Done later.' });
});

test('agents may call agents as deep as the limit, and no deeper', async () => {
  rig.script(
    castOf({
      One: asks('ask_myself', 'Two', 'one is done'),
      Two: asks('ask_myself', 'Three', 'two is done'),
      Three: asks('ask_myself', 'Four', 'three is done'),
      Four: { then: 'never' },
    }),
  );
  expect(await send('deep', 'One')).toMatchObject({ status: 'completed', reply: 'one is done' });
  expect(await toolCall('deep')).toMatchObject({ outcome: 'ok', result: 'two is done' });
  expect(await toolCall('deep+1+0+1+0')).toMatchObject({ outcome: 'failed', code: 'LIMIT_DEPTH' });
  await expect(rig.client.turns.get('deep+1+0+1+0+1+0')).rejects.toMatchObject({ code: 'TURN_NOT_FOUND' });
});
