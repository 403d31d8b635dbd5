import { expect, test } from 'vitest';
import type { TurnResult } from '../../client/index.ts';
import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import { callsAbout } from '../support/model-calls.ts';
import { readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withRig } from '../support/with-rig.ts';
import { approvingAgent, clumsyAgent, extractingAgent, runs } from './fixtures/agents.ts';

const database = withDatabase();
const rig = withRig(database, [approvingAgent, clumsyAgent, extractingAgent]);

/** Sends a message while the model goes wrong: the n-th call gets the n-th misbehaviour, later ones none. */
async function sendWhile(
  turn: string,
  misbehaviours: readonly Misbehaviour[],
  agent = 'approving',
): Promise<TurnResult> {
  const left = [...misbehaviours];
  rig.script(() => left.shift());
  try {
    return await rig.client.turns.send({ turn, thread: turn, message: `This is ${turn}`, agent });
  } finally {
    rig.script(undefined);
  }
}

const stepCalls = (turn: string): number => callsAbout(rig.model, `This is ${turn}`).steps;

test('a wrong key fails the turn at once', async () => {
  const result = await sendWhile('wrong-key', [{ kind: 'status', status: 401 }]);
  expect(result).toMatchObject({ status: 'failed', code: 'MODEL_AUTH', steps: 0 });
  expect(result.detail).toMatch(/Check the API key/);
  expect(stepCalls('wrong-key')).toBe(1);
  const next = await rig.client.turns.send({ thread: 'wrong-key', message: 'Hello', agent: 'approving' });
  expect(next.status).toBe('completed');
});

test.each<{ name: string; misbehaviour: Misbehaviour }>([
  { name: 'status-500', misbehaviour: { kind: 'status', status: 500 } },
  { name: 'garbage', misbehaviour: { kind: 'garbage' } },
  { name: 'empty', misbehaviour: { kind: 'empty' } },
  { name: 'torn', misbehaviour: { kind: 'truncate', reset: true } },
])('$name is tried again and then answered', async ({ name, misbehaviour }) => {
  const result = await sendWhile(name, [misbehaviour]);
  expect(result).toMatchObject({ status: 'completed', steps: 1 });
  expect(stepCalls(name)).toBe(2);
});

test('429 waits as long as the server asks', async () => {
  const started = performance.now();
  const result = await sendWhile('status-429', [{ kind: 'status', status: 429, retryAfter: '3' }]);
  expect(result).toMatchObject({ status: 'completed', steps: 1 });
  expect(performance.now() - started).toBeGreaterThanOrEqual(3_000);
  expect(stepCalls('status-429')).toBe(2);
});

test('a quota that is used up fails the turn instead of waiting', async () => {
  const result = await sendWhile('quota', [{ kind: 'status', status: 429, code: 'insufficient_quota' }]);
  expect(result).toMatchObject({ status: 'failed', code: 'MODEL_RATE_LIMITED' });
  expect(stepCalls('quota')).toBe(1);
});

test('an extraction the model garbles is tried again, never an empty success', async () => {
  const turn = 'garbled-extraction';
  const wrong: Misbehaviour[] = [
    { kind: 'reply', text: 'no JSON' },
    { kind: 'reply', text: '{"proposals":[{"a":1}]}' },
  ];
  rig.script(({ body }) => ((body as { response_format?: unknown }).response_format ? wrong.shift() : undefined));
  const message = 'My dog is called Bruno.';
  await rig.client.turns.send({ turn, thread: turn, message, agent: 'extracting' });
  const found = await until(
    'the extraction',
    async () => (await rig.client.turns.explain(turn)).extraction ?? undefined,
  );
  rig.script(undefined);
  expect(found.outcomes).toMatchObject([{ outcome: 'stored' }]);
  expect(callsAbout(rig.model, message)).toEqual({ steps: 1, extractions: 3 });
});

test('an extraction that cannot succeed is recorded as failed; the reply stands', async () => {
  const turn = 'refused-extraction';
  rig.script(({ body }) =>
    (body as { response_format?: unknown }).response_format ? { kind: 'status', status: 401 } : undefined,
  );
  const message = 'My cat is called Mia.';
  const result = await rig.client.turns.send({ turn, thread: turn, message, agent: 'extracting' });
  const found = await until(
    'the extraction',
    async () => (await rig.client.turns.explain(turn)).extraction ?? undefined,
  );
  rig.script(undefined);
  expect(result.status).toBe('completed');
  expect(found).toMatchObject({ status: 'failed', outcomes: [] });
  expect(found.detail).toMatch(/MODEL_AUTH|key/);
});

/** What a turn's only tool call came to, and what the model was told. */
async function toolCall(turn: string, name: string, args: string) {
  let asked = false;
  rig.script(() => {
    if (asked) return undefined;
    asked = true;
    return { kind: 'reply', calls: [{ name, arguments: args }] };
  });
  const result = await rig.client.turns.send({ turn, thread: turn, message: `This is ${turn}`, agent: 'clumsy' });
  rig.script(undefined);
  const events = await readTurnLog(database.admin, turn);
  const calls = events.filter(({ type }) => type === 'ToolCompleted');
  expect(calls).toHaveLength(1);
  const { steps } = await rig.client.turns.explain(turn);
  const told = steps[1]?.prompt.find(({ role }) => role === 'tool');
  expect(steps.map(({ promptMatches }) => promptMatches)).toEqual([true, true]);
  return { result, call: calls[0]?.data ?? {}, told: told?.content ?? '' };
}

test('arguments that are not JSON become a result the model sees', async () => {
  const { result, call, told } = await toolCall('not-json', 'echo', '{"note": "x"');
  expect(result).toMatchObject({ status: 'completed', steps: 2 });
  expect(call).toMatchObject({ outcome: 'invalid', code: 'ARGUMENTS_NOT_JSON' });
  expect(told).toMatch(/not JSON/);
});

test('arguments that break the schema become a result that names the field', async () => {
  const { call, told } = await toolCall('bad-field', 'echo', '{"note": 5}');
  expect(call).toMatchObject({ outcome: 'invalid', code: 'INVALID_ARGUMENTS', arguments: '{"note": 5}' });
  expect(told).toMatch(/note: .*string/);
});

test('a tool that does not exist becomes a result that lists those that do', async () => {
  const { call, told } = await toolCall('unknown-tool', 'fly', '{}');
  expect(call).toMatchObject({ outcome: 'invalid', code: 'UNKNOWN_TOOL' });
  expect(told).toMatch(/no tool "fly".*echo.*memory_remember/);
});

test('a tool that throws is not run again, and the model is told why', async () => {
  const { call, told } = await toolCall('throwing', 'throws', '{"note":"x"}');
  expect(call).toMatchObject({ outcome: 'failed', code: 'TOOL_THREW' });
  expect(told).toMatch(/printer is on fire/);
  expect(runs.get('throws')).toBe(1);
});

test('a repeatable tool that throws is tried three times in all', async () => {
  const { call } = await toolCall('throwing-twice', 'throws_twice', '{"note":"x"}');
  expect(call).toMatchObject({ outcome: 'ok', result: 'did: x' });
  expect(runs.get('throws_twice')).toBe(3);
});

test('a tool that hangs is given up after its time', async () => {
  const { call, told } = await toolCall('hanging', 'hangs', '{"note":"x"}');
  expect(call).toMatchObject({ outcome: 'timed_out', code: 'TOOL_TIMED_OUT' });
  expect(told).toMatch(/300 ms/);
});

test('a megabyte of result is cut, and says so', async () => {
  const { call, told } = await toolCall('huge', 'huge', '{"note":"x"}');
  expect(call).toMatchObject({ outcome: 'ok', code: 'RESULT_CUT' });
  expect(told.length).toBeLessThan(66_000);
  expect(told).toMatch(/\[cut: 1000000 characters in all, 65536 kept\]$/);
});

test.each([
  { name: 'circular', code: 'RESULT_NOT_SERIALISABLE', says: /ran, but .*holds itself/ },
  { name: 'bigint', code: 'RESULT_NOT_SERIALISABLE', says: /ran, but .*"total" is a BigInt/ },
  { name: 'function', code: 'RESULT_NOT_SERIALISABLE', says: /ran, but .*"run" is a function/ },
  { name: 'off_schema', code: 'RESULT_INVALID', says: /ran, but .*total: .*number/ },
])('a result that cannot be used ($name) is a failure the model is told of', async ({ name, code, says }) => {
  const { result, call, told } = await toolCall(`result-${name}`, name, '{"note":"x"}');
  expect(result).toMatchObject({ status: 'completed', steps: 2 });
  expect(call).toMatchObject({ outcome: 'failed', code });
  expect(told).toMatch(says);
  if (name === 'circular') expect(runs.get('circular')).toBe(1);
});

test('a tool whose schema no library made is checked and run', async () => {
  expect((await toolCall('by-hand', 'by_hand', '{"note":" x "}')).told).toBe('by hand: x');
  const refused = await toolCall('by-hand-refused', 'by_hand', '{"note":5}');
  expect(refused.call).toMatchObject({ outcome: 'invalid', code: 'INVALID_ARGUMENTS' });
  expect(refused.told).toMatch(/note: must be text, by hand/);
});

test('a tool that answers nothing still gives the model a result', async () => {
  const { told } = await toolCall('silent', 'silent', '{"note":"x"}');
  expect(told).toBe('done');
});

test('a result that databases dislike passes; the log holds it as it was', async () => {
  const { call, told, result } = await toolCall('hostile', 'hostile', '{"note":"x"}');
  expect(result.status).toBe('completed');
  expect(call).toMatchObject({ outcome: 'ok', result: 'nul \0 lone \ud800 end' });
  expect(told).toBe('nul \uFFFD lone \uFFFD end');
});
