import { beforeAll, afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import type { TurnResult } from '../../client/index.ts';
import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { closedHistory } from '../support/histories.ts';
import { callsAbout } from '../support/model-calls.ts';
import { readTurnLog, terminals } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
let rig: CrashRig;
let close: () => Promise<void> = () => Promise.resolve();

/** Notes that were written. */
const notes: string[] = [];
const agent = defineAgent({
  name: 'asked',
  instructions: 'You answer.',
  tools: [
    defineTool({
      name: 'note',
      description: 'Notes.',
      input: z.object({ note: z.string().optional() }),
      execute: ({ note }) => {
        notes.push(note ?? 'nothing');
        return 'noted';
      },
    }),
  ],
  memory: { extract: false },
});

beforeAll(async () => {
  rig = await startRig(database, (closer) => (close = closer));
  await rig.startHere([agent], { modelTimeoutMs: 700 });
});
afterAll(() => close());

/** Sends a message; the n-th model call about it gets the n-th misbehaviour, later ones none. Then the thread must still work. */
async function play(turn: string, misbehaviours: readonly (Misbehaviour | undefined)[]) {
  const left = [...misbehaviours];
  rig.script(() => left.shift());
  const started = performance.now();
  const result: TurnResult = await rig.client.turns.send({
    turn,
    thread: turn,
    message: `This is ${turn}`,
    agent: 'asked',
  });
  const tookMs = performance.now() - started;
  rig.script(undefined);
  const calls = callsAbout(rig.model, `This is ${turn}`).steps;
  const next = await rig.client.turns.send({ thread: turn, message: 'And now?', agent: 'asked' });
  expect(next.status).toBe('completed');
  const events = await readTurnLog(database.admin, turn);
  expect(terminals(events)).toHaveLength(1);
  return {
    result,
    calls,
    tookMs,
    finish: events.filter(({ type }) => type === 'StepCompleted').map(({ data }) => data['finishReason']),
    tools: events.filter(({ type }) => type === 'ToolCompleted').map(({ data }) => data),
  };
}

test.each<{ readonly name: string; readonly misbehaviour: Misbehaviour; readonly code: string; readonly says: RegExp }>(
  [
    { name: '401', misbehaviour: { kind: 'status', status: 401 }, code: 'MODEL_AUTH', says: /HTTP 401.*API key/ },
    { name: '403', misbehaviour: { kind: 'status', status: 403 }, code: 'MODEL_AUTH', says: /HTTP 403/ },
    { name: '400', misbehaviour: { kind: 'status', status: 400 }, code: 'MODEL_BAD_REQUEST', says: /refused again/ },
    { name: '404', misbehaviour: { kind: 'status', status: 404 }, code: 'MODEL_NOT_FOUND', says: /model name/ },
    { name: '422', misbehaviour: { kind: 'status', status: 422 }, code: 'MODEL_BAD_REQUEST', says: /HTTP 422/ },
    {
      name: 'filtered prompt',
      misbehaviour: { kind: 'status', status: 400, code: 'content_filter' },
      code: 'MODEL_FILTERED',
      says: /content filter/,
    },
    {
      name: 'filtered reply',
      misbehaviour: { kind: 'reply', text: 'Half of a', finish: 'content_filter' },
      code: 'MODEL_FILTERED',
      says: /content filter/,
    },
    {
      name: 'nothing before the limit',
      misbehaviour: { kind: 'reply', finish: 'length' },
      code: 'MODEL_CUT_OFF',
      says: /more output tokens/,
    },
  ],
)('$name fails the turn at once: waiting would not mend it', async ({ name, misbehaviour, code, says }) => {
  const { result, calls } = await play(`fail-${name}`, [misbehaviour]);
  expect(result).toMatchObject({ status: 'failed', code, steps: 0, reply: null });
  expect(result.detail).toMatch(says);
  expect(calls).toBe(1);
});

test.each<{ readonly name: string; readonly misbehaviour: Misbehaviour }>([
  { name: '500', misbehaviour: { kind: 'status', status: 500 } },
  { name: '503', misbehaviour: { kind: 'status', status: 503 } },
  { name: '408', misbehaviour: { kind: 'status', status: 408 } },
  { name: 'not JSON', misbehaviour: { kind: 'garbage' } },
  { name: 'empty', misbehaviour: { kind: 'empty' } },
  { name: 'cut short', misbehaviour: { kind: 'truncate' } },
  { name: 'torn', misbehaviour: { kind: 'truncate', reset: true } },
  { name: 'hang', misbehaviour: { kind: 'hang' } },
  { name: 'stall', misbehaviour: { kind: 'stall' } },
])('$name is tried again, and the turn is answered once', async ({ name, misbehaviour }) => {
  const { result, calls } = await play(`again-${name}`, [misbehaviour]);
  expect(result).toMatchObject({ status: 'completed', steps: 1, code: null });
  expect(calls).toBe(2);
});

test.each([
  { name: 'seconds', retryAfter: () => '2' },
  // A date has no parts of a second: the next one but two is at least two seconds away.
  { name: 'a date', retryAfter: () => new Date(Date.now() + 3_000).toUTCString() },
])('429 waits as long as the server asks, given as $name', async ({ name, retryAfter }) => {
  const { result, calls, tookMs } = await play(`wait-${name}`, [
    { kind: 'status', status: 429, retryAfter: retryAfter() },
  ]);
  expect(result).toMatchObject({ status: 'completed', steps: 1 });
  expect(calls).toBe(2);
  expect(tookMs).toBeGreaterThanOrEqual(1_900);
});

test('a server that says "now" again and again does not use up the attempts at once', async () => {
  const now = { kind: 'status', status: 429, retryAfter: '0' } as const;
  const { result, calls, tookMs } = await play('wait-now', [now, now]);
  expect(result).toMatchObject({ status: 'completed', steps: 1 });
  expect(calls).toBe(3);
  // Our own pauses: one second, then two.
  expect(tookMs).toBeGreaterThanOrEqual(2_900);
});

test('a refusal is a reply that says so', async () => {
  const { result, finish } = await play('refused', [{ kind: 'refusal', text: 'I will not do that.' }]);
  expect(result).toMatchObject({ status: 'completed', code: 'MODEL_REFUSED', reply: 'I will not do that.' });
  expect(finish).toEqual(['refusal']);
});

test('a reply that reached the longest output stands, and says that it is not whole', async () => {
  const { result, finish } = await play('cut-text', [{ kind: 'reply', text: 'The first half of', finish: 'length' }]);
  expect(result).toMatchObject({ status: 'completed', code: 'MODEL_CUT_OFF', reply: 'The first half of' });
  expect(result.detail).toMatch(/cut off/);
  expect(finish).toEqual(['length']);
});

test('a tool call that was cut off is not run; whole ones before it are, and the model is told', async () => {
  notes.length = 0;
  const { result, tools } = await play('cut-call', [
    {
      kind: 'reply',
      calls: [
        { name: 'note', arguments: '{"note":"whole"}' },
        { name: 'note', arguments: '{"note":"bro' },
      ],
      finish: 'length',
    },
    { kind: 'reply', text: 'I noted one of them.' },
  ]);
  expect(result).toMatchObject({ status: 'completed', steps: 2, code: null });
  expect(notes).toEqual(['whole']);
  // The broken call has its result in the step itself, before the whole one has run.
  expect(tools.map(({ outcome, code }) => [outcome, code])).toEqual([
    ['invalid', 'MODEL_CUT_OFF'],
    ['ok', null],
  ]);
  expect(tools[0]?.['result']).toMatch(/cut off .* not run/);
});

test('a call cut off before its first argument is not run without arguments', async () => {
  notes.length = 0;
  const { tools } = await play('cut-before', [
    { kind: 'reply', calls: [{ name: 'note', arguments: '' }], finish: 'length' },
    { kind: 'reply', text: 'Never mind.' },
  ]);
  expect(notes).toEqual([]);
  expect(tools).toMatchObject([{ outcome: 'invalid', code: 'MODEL_CUT_OFF' }]);
});

test('malformed arguments and an unknown tool are told to the model, which goes on', async () => {
  const { result, tools } = await play('confused', [
    { kind: 'reply', calls: [{ name: 'note', arguments: '{"note": ' }] },
    { kind: 'reply', calls: [{ name: 'nope', arguments: '{}' }] },
    { kind: 'reply', text: 'I give up.' },
  ]);
  expect(result).toMatchObject({ status: 'completed', steps: 3, reply: 'I give up.' });
  expect(tools.map(({ code }) => code)).toEqual(['ARGUMENTS_NOT_JSON', 'UNKNOWN_TOOL']);
});

test("what a provider says about the prompt stays out of Temporal and of the turn's failure", async () => {
  const { result } = await play('quoting', [
    { kind: 'status', status: 400, message: 'Your prompt "Rumpelstilzchen" is not allowed.' },
  ]);
  expect(result.detail).not.toMatch(/Rumpelstilzchen/);
  const { bytes } = await closedHistory(rig, 'quoting');
  expect(bytes.includes('MODEL_BAD_REQUEST')).toBe(true);
  expect(bytes.includes('Rumpelstilzchen')).toBe(false);
});
