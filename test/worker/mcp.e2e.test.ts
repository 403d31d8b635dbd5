import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { defineAgent, mcpTools } from '../../agents/index.ts';
import type { Agent, McpOptions } from '../../agents/index.ts';
import type { TurnResult } from '../../client/index.ts';
import { startRig } from '../support/crash-rig.ts';
import type { CrashRig } from '../support/crash-rig.ts';
import { chatBodies } from '../support/model-calls.ts';
import { startHttpMcp } from '../support/mcp/http-server.ts';
import { readTurnLog } from '../support/read-log.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';

vi.setConfig({ testTimeout: 60_000 });

const database = withDatabase();
const stdio = {
  command: process.execPath,
  args: [join(import.meta.dirname, '..', 'support', 'mcp', 'stdio-server.ts')],
};

const agentWith = (options: Partial<McpOptions>): Agent =>
  defineAgent({
    name: 'probing',
    instructions: 'You probe.',
    tools: [mcpTools({ name: 'probe', approval: 'never', ...options })],
    memory: { extract: false },
  });

/** Has the model call one tool of the server, and gives what came of it. */
async function call(rig: CrashRig, turn: string, name: string, args: object = {}) {
  let asked = false;
  rig.script(() => {
    if (asked) return { kind: 'reply', text: 'Done.' };
    asked = true;
    return { kind: 'reply', calls: [{ name, arguments: JSON.stringify(args) }] };
  });
  const result: TurnResult = await rig.client.turns.send({
    turn,
    thread: turn,
    message: `This is ${turn}`,
    agent: 'probing',
  });
  const done = (await readTurnLog(database.admin, turn)).filter(({ type }) => type === 'ToolCompleted');
  return { result, done: done[0]?.data ?? {} };
}

/** Names of the tools in the newest request to the model. */
function offered(rig: CrashRig): string[] {
  const tools = (chatBodies(rig.model).at(-1) as { tools?: { function: { name: string } }[] } | undefined)?.tools ?? [];
  return tools.map((tool) => tool.function.name);
}

test('tools of a stdio server: arguments, results, errors, time-outs, effect keys', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([agentWith({ ...stdio, tools: { hangs: { timeoutMs: 400 } } })]);
  expect((await call(rig, 'mcp-add', 'probe_add', { a: 2, b: 3 })).done).toMatchObject({
    outcome: 'ok',
    result: 'sum 5',
  });
  expect(offered(rig)).toEqual(expect.arrayContaining(['probe_add', 'probe_grow', 'memory_remember']));

  const wrong = await call(rig, 'mcp-wrong', 'probe_add', { a: 'two' });
  expect(wrong.done).toMatchObject({ outcome: 'invalid', code: 'INVALID_ARGUMENTS' });
  expect(wrong.done['result']).toMatch(/required property 'b'.*a: must be number/);

  const keyed = await call(rig, 'mcp-key', 'probe_key');
  expect(keyed.done).toMatchObject({ result: 'key default/turn/mcp-key/step/1/tool/0' });

  const refused = await call(rig, 'mcp-refused', 'probe_refuses');
  expect(refused.done).toMatchObject({ outcome: 'failed', code: 'MCP_TOOL_ERROR' });
  expect(refused.done['result']).toMatch(/no such row/);

  expect((await call(rig, 'mcp-hang', 'probe_hangs')).done).toMatchObject({
    outcome: 'timed_out',
    code: 'TOOL_TIMED_OUT',
  });
  expect((await call(rig, 'mcp-picture', 'probe_picture')).done['result']).toMatch(/^a dot\n\[image/);
  // The hung call hurt nobody else.
  expect((await call(rig, 'mcp-again', 'probe_add', { a: 1, b: 1 })).done).toMatchObject({ result: 'sum 2' });
});

test('a server that dies in a call leaves the outcome unknown, and is started again', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([agentWith(stdio)]);
  const { done, result } = await call(rig, 'mcp-dies', 'probe_dies');
  expect(done).toMatchObject({ outcome: 'failed', code: 'OUTCOME_UNKNOWN' });
  expect(done['result']).toMatch(/"probe" broke during the call/);
  expect(result.status).toBe('completed');
  expect((await call(rig, 'mcp-reborn', 'probe_add', { a: 2, b: 2 })).done).toMatchObject({ result: 'sum 4' });
});

test('a server may change its tools; only allowed ones are offered', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  await rig.startHere([agentWith({ ...stdio, allow: ['grow', 'late'] })]);
  await call(rig, 'mcp-grow', 'probe_grow');
  await until('the new tool is offered', async () => {
    await call(rig, `mcp-look-${crypto.randomUUID()}`, 'probe_grow').catch(() => undefined);
    return offered(rig).includes('probe_late') || undefined;
  });
  expect(offered(rig)).not.toContain('probe_add');
  expect((await call(rig, 'mcp-late', 'probe_late')).done).toMatchObject({ outcome: 'ok', result: 'late but here' });
});

test('without a policy a person approves every call of a server', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  const agent = defineAgent({
    name: 'probing',
    instructions: 'You probe.',
    tools: [mcpTools({ name: 'probe', ...stdio })],
    memory: { extract: false },
    approvals: { probe_key: { approval: 'never' } },
  });
  await rig.startHere([agent]);
  // Unless the agent has a rule of its own.
  expect((await call(rig, 'mcp-ruled', 'probe_key')).result.status).toBe('completed');
  const { result } = await call(rig, 'mcp-approved', 'probe_add', { a: 4, b: 4 });
  expect(result).toMatchObject({ status: 'waiting', waitingFor: ['mcp-approved.1.0'] });
  const edited = { approval: 'mcp-approved.1.0', actor: 'mia', decision: 'edit' as const, arguments: { a: 5, b: 5 } };
  await rig.client.approvals.decide(edited);
  expect(await rig.client.turns.result('mcp-approved')).toMatchObject({ status: 'completed' });
  const done = (await readTurnLog(database.admin, 'mcp-approved')).find(({ type }) => type === 'ToolCompleted');
  expect(done?.data).toMatchObject({ outcome: 'ok', result: 'sum 10', arguments: { a: 5, b: 5 } });
});

test('tools over HTTP; a server that is down, comes back or is replaced', async ({ onTestFinished }) => {
  const rig = await startRig(database, onTestFinished);
  let server = await startHttpMcp({ token: 's3cret' });
  onTestFinished(() => server.close());
  const { url, port } = server;
  await server.close();

  // Down when the worker starts: the worker works, the model is told, and a call of it says why.
  const agent = agentWith({ url, headers: { authorization: 'Bearer s3cret' }, connectTimeoutMs: 2_000 });
  await rig.startHere([agent]);
  const down = await call(rig, 'mcp-down', 'probe_add', { a: 1, b: 2 });
  expect(down.result.status).toBe('completed');
  expect(down.done).toMatchObject({ outcome: 'invalid', code: 'TOOL_UNAVAILABLE' });
  expect(down.done['result']).toMatch(/"probe" cannot be reached/);
  expect(chatBodies(rig.model).at(-1)?.messages[0]?.content).toMatch(/cannot be reached at the moment: probe/);

  // Up: it is connected without anybody's help.
  server = await startHttpMcp({ port, token: 's3cret' });
  await until('the tools are offered', async () => {
    await call(rig, `mcp-up-${crypto.randomUUID()}`, 'probe_add', { a: 1, b: 1 });
    return offered(rig).includes('probe_add') || undefined;
  });
  const up = await call(rig, 'mcp-http', 'probe_key');
  expect(up.done).toMatchObject({ outcome: 'ok', result: 'key default/turn/mcp-http/step/1/tool/0' });
  expect(chatBodies(rig.model).at(-1)?.messages[0]?.content).not.toMatch(/cannot be reached/);

  // Replaced: it does not know our session, so the call is made anew.
  await server.close();
  server = await startHttpMcp({ port, token: 's3cret' });
  expect((await call(rig, 'mcp-replaced', 'probe_add', { a: 3, b: 3 })).done).toMatchObject({
    outcome: 'ok',
    result: 'sum 6',
  });

  // Down again: its tools stay known, a call of them was not made.
  await server.close();
  const gone = await call(rig, 'mcp-gone', 'probe_add', { a: 1, b: 1 });
  expect(gone.done).toMatchObject({ outcome: 'failed', code: 'MCP_UNAVAILABLE' });
  expect(gone.done['result']).toMatch(/the call was not made/);
  expect(gone.result.status).toBe('completed');
});
