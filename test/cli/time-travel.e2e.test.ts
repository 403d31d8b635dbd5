import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../agents/index.ts';
import '../support/quiet-runtime.ts';
import { readLog } from '../support/read-log.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { until } from '../support/until.ts';
import { cliEnvironment, documentOf, runCli, startCli } from './run-cli.ts';
import type { CliDocument, CliRun } from './run-cli.ts';

const echo = defineTool({
  name: 'echo',
  description: 'Echoes.',
  input: z.object({ note: z.string() }),
  execute: ({ note }) => `echo ${note}`,
});
const agent = defineAgent({ name: 'traveller', instructions: 'You help.', tools: [echo], memory: { extract: false } });

const database = withDatabase();
const worker = withWorker(database, { agents: [agent] });

const cli = (...args: string[]): Promise<CliRun> => runCli(args, { env: cliEnvironment(database, worker) });
const json = async (...args: string[]): Promise<CliDocument & { code: number | null }> => {
  const run = await cli(...args, '--json');
  return { ...documentOf(run), code: run.code };
};

beforeAll(async () => {
  const message = 'Use the tool echo with {"note": "one"}';
  const request = { thread: 'trip', user: 'ana', agent: 'traveller' };
  await worker.client.turns.send({ ...request, turn: 't1', message });
  await worker.client.turns.send({ ...request, turn: 't2', message: 'Hello.' });
});

/** A file with other instructions, which goes with its test. */
async function instructionsFile(onTestFinished: (end: () => Promise<void>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-instructions-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'instructions.txt');
  await writeFile(file, 'You are brief.\n');
  return file;
}

describe('fork', () => {
  test('answers what would have been said, and tells where it left', async () => {
    const run = await cli('fork', 'trip', '--at', 't1/1', '--name', 'other', '--tool-result', 'echo=nothing');
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('nothing');
    expect(run.stderr).toMatch(/branch other left main at position \d+, turn t1 after step 1/);
    const again = await json('fork', 'trip', '--at', 't1/1', '--name', 'other', '--tool-result', 'echo=nothing');
    expect(again).toMatchObject({ code: 0, data: { branch: 'other', parent: 'main', from: { turn: 't1', steps: 1 } } });
    const listed = (await json('checkpoints', 'trip', '--branch', 'other')).data as { turn: string; step: number }[];
    expect(listed.map(({ turn, step }) => `${turn}/${step}`)).toEqual(['t1/1', 't1~other/2']);
  });

  test('takes other words, instructions, models, blocks and rules for tools', async ({ onTestFinished }) => {
    const file = await instructionsFile(onTestFinished);
    const changes = [
      '--message',
      'Use the tool echo with {"note": "two"}',
      '--model',
      'demo-2',
      '--tools',
      'forbid',
      '--temperature',
      '0.1',
    ];
    const run = await json(
      ...['fork', 'trip', '--at', 't1', '--name', 'changed', ...changes],
      ...['--instructions-file', file, '--block', 'mood=Good.'],
    );
    expect(run).toMatchObject({ code: 0, data: { tools: 'forbid', turn: { status: 'completed' } } });
    const { steps, events } = await worker.client.turns.explain('t1~changed');
    expect(steps[0]?.modelOptions).toEqual({ temperature: 0.1 });
    const why = await cli('why', 't1~changed');
    expect(why.stdout).toMatch(/^step 1 .*model .*, temperature 0\.1$/m);
    expect(steps[0]?.prompt[0]?.content).toMatch(/^You are brief\.\n.*<block label="mood"/s);
    expect(events.find(({ type }) => type === 'ToolCompleted')?.data).toMatchObject({ code: 'TOOLS_FORBIDDEN' });
  });

  test('between turns waits to be sent to', async () => {
    const run = await cli('fork', 'trip', '--at', 't2/1', '--name', 'later');
    expect(run).toMatchObject({ code: 0, stdout: '' });
    expect(run.stderr).toContain('send trip --branch later');
    const sent = await worker.client.turns.send({
      ...{ thread: 'trip', branch: 'later', turn: 'l1', user: 'ana', agent: 'traveller', message: 'And now?' },
    });
    expect(sent.status).toBe('completed');
    const { steps } = await worker.client.turns.explain('l1');
    expect(steps[0]?.prompt.filter(({ role }) => role === 'user')).toHaveLength(3);
  });

  test.each([
    ['a place that is not there', ['--at', 't1/9'], 2, 'INVALID_FORK'],
    ['an unknown turn', ['--at', 't9/1'], 3, 'TURN_NOT_FOUND'],
    ['an unknown branch', ['--at', 't1', '--branch', 'b'], 3, 'BRANCH_NOT_FOUND'],
    ['a name that is taken', ['--at', 't2', '--name', 'other'], 4, 'BRANCH_TAKEN'],
    ['no place', [], 2, 'USAGE'],
  ])('refuses %s', async (_name, args, code, error) => {
    expect(await json('fork', 'trip', ...args)).toMatchObject({ code, error: { code: error } });
  });
});

describe('diff', () => {
  test('shows replies, steps and memory of two branches', async () => {
    await cli('fork', 'trip', '--at', 't1/1', '--name', 'other', '--tool-result', 'echo=nothing');
    const changes = ['--message', 'Use the tool echo with {"note": "two"}', '--block', 'mood=Good.'];
    await cli('fork', 'trip', '--at', 't1', '--name', 'memory', ...changes);
    const { data, code } = await json('diff', 'trip', 'main', 'other');
    expect(code).toBe(0);
    expect(data).toMatchObject({
      ...{ a: 'main', b: 'other', shared: [], memory: [] },
      turns: [
        {
          a: { turn: 't1' },
          b: { turn: 't1~other' },
          steps: [
            {
              step: 1,
              same: false,
              a: { calls: [{ result: 'echo one' }] },
              b: { turn: 't1', calls: [{ result: 'nothing' }] },
            },
            { step: 2, same: false, b: { turn: 't1~other' } },
          ],
        },
        { a: { turn: 't2' }, b: null, steps: [{ step: 1, b: null }] },
      ],
    });
    const { stdout } = await cli('diff', 'trip', 'main', 'memory');
    expect(stdout).toMatch(/^reply$/m);
    expect(stdout).toMatch(/main: t1 completed {2}memory: t1~memory completed/);
    expect(stdout).toMatch(/asked: Use the tool echo with .*two/);
    expect(stdout).toMatch(/~ step 1\n +main: echo\(.*one.*\) ok: echo one\n +memory: echo\(.*two.*\) skipped:/);
    expect(stdout).toMatch(/^block 1 gained\n\+ block \d+ mood: Good\.$/m);
    const same = (await json('diff', 'trip', 'main', 'main')).data;
    expect(same).toMatchObject({ shared: ['t1', 't2'], turns: [], memory: [], reply: { same: true } });
    expect(await json('diff', 'trip', 'main', 'nowhere')).toMatchObject({
      code: 3,
      error: { code: 'BRANCH_NOT_FOUND' },
    });
  });
});

describe('rerun-step', () => {
  test('asks the model once more, in isolation, and shows both replies', async ({ onTestFinished }) => {
    const before = (await json('events', 'trip')).data;
    const same = await json('rerun-step', 't1', '2');
    const { steps } = await worker.client.turns.explain('t1');
    expect(same).toMatchObject({ code: 0, data: { position: null, before: { promptHash: steps[1]?.promptHash } } });
    expect(same.data).toMatchObject({ after: { promptHash: steps[1]?.promptHash, text: steps[1]?.text } });
    const file = await instructionsFile(onTestFinished);
    const changes = ['--instructions-file', file, '--message', 'Use the tool echo with {"note": "three"}'];
    const other = await cli('rerun-step', 't1', '1', ...changes);
    expect(other).toMatchObject({ code: 0, stderr: '' });
    expect(other.stdout).toMatch(/^step 1 of turn t1 another reply\nbefore +│ now\n/);
    expect(other.stdout).toMatch(/^calls echo\(.*one.*\) +│ calls echo\(.*three.*\)$/m);
    // Nothing was written, nothing was run.
    expect((await json('events', 'trip')).data).toEqual(before);
  });

  test('asks with other options of the model, records them, and shows them beside each other', async () => {
    const args = ['rerun-step', 't2', '1', '--temperature', '0.5', '--stop', 'END', '--stop', 'FIN', '--seed', '3'];
    const { code, data } = await json(...args, '--record', 'cold');
    const options = { temperature: 0.5, seed: 3, stop: ['END', 'FIN'] };
    expect(code).toBe(0);
    expect(data).toMatchObject({ before: { modelOptions: {} }, after: { modelOptions: options } });
    const { before, after } = data as Record<'before' | 'after', { promptHash: string }>;
    // The same words with other options are another request.
    expect(after.promptHash).not.toBe(before.promptHash);
    const rerun = (await readLog(database.admin)).find(
      ({ type, data }) => type === 'StepRerun' && data['modelOptions'],
    );
    expect(rerun?.data).toMatchObject({ changes: { modelOptions: options }, modelOptions: options });
    const shown = await cli(...args);
    expect(shown.stdout).toMatch(/│ temperature 0\.5, seed 3, stop \["END","FIN"\]$/m);
  });

  test('is recorded where that is asked for, once per key', async () => {
    const args = ['rerun-step', 't2', '1', '--message', 'Good evening.', '--record', 'try-1'];
    const [first, again] = [await json(...args), await json(...args)];
    expect(first).toMatchObject({ code: 0, data: { position: expect.any(Number) as number } });
    expect(again.data).toEqual(first.data);
    const events = (await json('events', 'trip')).data as { type: string; data: object }[];
    const reruns = events.filter(({ type, data }) => type === 'StepRerun' && !('modelOptions' in data));
    expect(reruns).toHaveLength(1);
    expect(reruns[0]?.data).toMatchObject({ turn: 't2', step: 1, changes: { message: 'Good evening.' } });
    expect((await worker.client.turns.get('t2')).status).toBe('completed');
  });

  test('of a step that is not there is refused', async () => {
    expect(await json('rerun-step', 't1', '7')).toMatchObject({ code: 2, error: { code: 'INVALID_RERUN' } });
    expect(await json('rerun-step', 't9', '1')).toMatchObject({ code: 3, error: { code: 'TURN_NOT_FOUND' } });
  });
});

/** What the inspector says when it stopped. */
interface Paused {
  readonly hitBreakpoints?: readonly string[];
}

describe('replay', () => {
  test('of a fork and of a turn: the code does the same, and every prompt is the recorded one', async () => {
    await cli('fork', 'trip', '--at', 't1/1', '--name', 'other', '--tool-result', 'echo=nothing');
    for (const turn of ['t1', 't1~other']) {
      const { code, data } = await json('replay', turn);
      expect(code).toBe(0);
      expect(data).toMatchObject({ workflow: { deterministic: true } });
      const { prompts } = data as { prompts: { matches: boolean }[] };
      expect(prompts.map(({ matches }) => matches)).toEqual(turn === 't1' ? [true, true] : [true]);
    }
  });

  test('needs no Temporal: a new process replays from the log alone', async () => {
    await json('replay', 't1');
    const env = { ...cliEnvironment(database, worker), TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const run = await runCli(['replay', 't1', '--json'], { env });
    expect(documentOf(run).data).toMatchObject({ workflow: { deterministic: true }, prompts: [{}, {}] });
  });

  test('--inspect waits for a debugger, which sees the workflow code', async () => {
    const child = startCli(['replay', 't1', '--inspect', '0'], cliEnvironment(database, worker));
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const url = await until('the inspector', () => /waits for a debugger at (ws:\S+)/.exec(stderr)?.[1], {
      timeoutMs: 20_000,
    });
    const socket = new WebSocket(url);
    const stops: string[] = [];
    const send = (method: string, params = {}): void => socket.send(JSON.stringify({ id: 1, method, params }));
    socket.addEventListener('message', ({ data }) => {
      const { method, params } = JSON.parse(String(data)) as { method?: string; params?: Paused };
      if (method !== 'Debugger.paused') return;
      stops.push(...(params?.hitBreakpoints ?? []));
      send('Debugger.resume');
    });
    await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
    expect(stdout).toBe('');
    send('Debugger.enable');
    send('Debugger.setBreakpointByUrl', { urlRegex: 'workflow-bundle-.*', lineNumber: 0 });
    send('Runtime.runIfWaitingForDebugger');
    await until('the replay', () => (/workflow +ok/.test(stdout) ? true : undefined), { timeoutMs: 20_000 });
    expect(stops).toContainEqual(expect.stringContaining('workflow-bundle-'));
    socket.close();
    expect(await closed).toBe(0);
  });
});
