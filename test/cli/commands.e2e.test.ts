import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { orderOf } from '../../llm/demo-model/payments.ts';
import '../support/quiet-runtime.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { withWorker } from '../support/with-worker.ts';
import { cliEnvironment, documentOf, runCli, startCli } from './run-cli.ts';
import type { CliDocument, CliRun } from './run-cli.ts';

// The example agent reads its shop's address when it is loaded, before the demo model has a port: so a shop of our own.
const shop = await vi.hoisted(async () => {
  const { createServer: create } = await import('node:http');
  const server = create();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  process.env['HOLDFAST_SHOP_URL'] = `http://127.0.0.1:${port}`;
  return server;
});
const { supportAgent } = await import('../../examples/support-agent/agent.ts');

shop.on('request', (request: IncomingMessage, response: ServerResponse) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
  request.on('end', () => {
    const order = /^\/orders\/([^/]+)$/.exec(request.url ?? '')?.[1];
    const refund = (): object => ({ status: 'refunded', ...(JSON.parse(body) as object) });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(order === undefined ? refund() : orderOf(order)));
  });
});
afterAll(() => void shop.close());

const database = withDatabase();
const worker = withWorker(database, { agents: [supportAgent] });

const cli = (args: readonly string[], input = ''): Promise<CliRun> =>
  runCli(args, { input, env: cliEnvironment(database, worker) });
const json = async (...args: string[]): Promise<CliDocument & { code: number | null }> => {
  const run = await cli([...args, '--json']);
  return { ...documentOf(run), code: run.code };
};
const rows = ({ data }: CliDocument): Record<string, unknown>[] => data as Record<string, unknown>[];
const askRefund = async (turn: string): Promise<string> => {
  await cli(['send', `refunds-${turn}`, 'Please refund 80 EUR of order A-1001.', '--turn', turn]);
  return `${turn}.2.0`;
};

describe('a remembered conversation', () => {
  beforeAll(async () => {
    const sent = await cli(['send', 'hello', 'Hello, I am Ana and I prefer SMS.', '--turn', 'h1']);
    expect(sent).toMatchObject({ code: 0, stdout: 'Hello. How can I help?\n' });
    expect(sent.stderr).toContain('why h1');
    await until('extraction of h1', async () => (await worker.client.turns.explain('h1')).extraction);
    // From stdin, in another thread: what was said follows the user.
    const asked = await cli(['send', 'later', '--turn', 'l1'], 'How do I like to be contacted?\n');
    expect(asked.code).toBe(0);
    expect(asked.stdout).toContain('SMS');
    await until('archive of l1', () => worker.client.turns.history('l1').catch(() => null));
  });

  test('send again with the same id gives the same turn; another message is a conflict', async () => {
    const again = await json('send', 'hello', 'Hello, I am Ana and I prefer SMS.', '--turn', 'h1');
    expect(again).toMatchObject({ command: 'send', ok: true, data: { turn: 'h1', user: 'ana', status: 'completed' } });
    const other = await json('send', 'hello', 'Something else', '--turn', 'h1');
    expect(other).toMatchObject({ code: 4, ok: false, error: { code: 'TURN_ID_TAKEN' } });
  });

  test('send refuses empty text and an agent nobody knows', async () => {
    expect(await cli(['send', 'hello'], '')).toMatchObject({ code: 2, stdout: '' });
    const unknown = await json('send', 'nobody', 'Hi', '--agent', 'nobody');
    expect(unknown).toMatchObject({ code: 1, error: { code: 'TURN_FAILED' }, data: { code: 'UNKNOWN_AGENT' } });
  });

  test('threads lists threads and turns', async () => {
    const list = await cli(['threads']);
    expect(list.code).toBe(0);
    expect(list.stdout).toMatch(/^THREAD +USER +AGENT +TURNS +OPEN +LAST TURN\n/);
    expect(list.stdout).toMatch(/^hello +ana +support +1 +0 /m);
    expect(rows(await json('threads'))).toContainEqual(expect.objectContaining({ thread: 'later', turns: 1, open: 0 }));
    const turns = await cli(['threads', 'hello']);
    expect(turns.stdout).toMatch(/^h1 .*completed +1 +ana: Hello, I am Ana/m);
    expect(rows(await json('threads', 'hello'))).toMatchObject([{ turn: 'h1', reply: 'Hello. How can I help?' }]);
    expect(await json('threads', 'helo')).toMatchObject({
      code: 3,
      error: { code: 'THREAD_NOT_FOUND', hint: expect.stringContaining('Did you mean "hello"?') as string },
    });
  });

  test('events lists what was recorded, in order', async () => {
    const { stdout, code } = await cli(['events', 'hello']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/TurnRequested +turn\/h1 +ana: Hello, I am Ana/);
    const events = rows(await json('events', 'hello'));
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['TurnRequested', 'StepCompleted', 'FactAsserted', 'TurnCompleted']),
    );
    const positions = events.map(({ position }) => Number(position));
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    expect(rows(await json('events', 'hello', '--after', String(positions.at(-1))))).toEqual([]);
    expect((await json('events', 'nope-at-all')).code).toBe(3);
  });

  test('events --follow goes on until it is interrupted', async () => {
    await cli(['send', 'followed', 'Hi', '--turn', 'f1']);
    const child = startCli(['events', 'followed', '--follow', '--json'], cliEnvironment(database, worker));
    let stdout = '';
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    await until('the first turn', () => (stdout.includes('"turn":"f1"') ? true : null));
    await cli(['send', 'followed', 'And again', '--turn', 'f2']);
    await until('the second turn', () => (stdout.includes('"turn":"f2"') ? true : null));
    child.kill('SIGINT');
    expect(await closed).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as CliDocument);
    expect(lines.every(({ command, ok }) => command === 'events' && ok)).toBe(true);
  });

  test('memory search and list explain where things come from', async () => {
    const found = await cli(['memory', 'search', 'how', 'to', 'contact', 'Ana']);
    expect(found.code).toBe(0);
    expect(found.stdout).toMatch(/\d\. .*SMS[^]*preference, score \d\.\d+: [^]*thread hello, turn h1/);
    expect(rows(await json('memory', 'search', 'contact', '--limit', '2'))).toHaveLength(2);
    expect(rows(await json('memory', 'search', 'contact'))).toContainEqual(
      expect.objectContaining({ kind: 'preference', turn: 'h1' }),
    );
    const listed = await cli(['memory', 'list']);
    expect(listed.stdout).toMatch(/preference .*– now +direct_user +Ana prefers SMS/);
    expect(listed.stdout).toContain('from turn h1 of hello: "Hello, I am Ana and I prefer SMS."');
    expect(rows(await json('memory', 'list', '--limit', '1'))).toHaveLength(1);
    expect(rows(await json('memory', 'list', '--at', '1'))).toEqual([]);
    expect(rows(await json('memory', 'list', '--at', '2020-02-29'))).toEqual([]);
    expect(rows(await json('memory', 'list', '--at', '2100-01-01T00:00Z'))).toEqual(rows(await json('memory', 'list')));
    expect(rows(await json('memory', 'list', '--past', '--user', 'stranger'))).toEqual([]);
    expect(await json('memory', 'search', ' ')).toMatchObject({ code: 2, error: { code: 'USAGE' } });
  });

  test('why shows what was recalled, and the prompt as it was sent', async () => {
    const { stdout, code } = await cli(['why', 'l1', '--prompt']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\[m1\] Ana prefers SMS/);
    expect(stdout).toContain('from turn h1 of thread hello');
    expect(stdout).toContain('the prompt matches the record');
    expect(stdout).toMatch(/── system\n +You are the support agent/);
    expect(await json('why', 'l1')).toMatchObject({ ok: true, data: { steps: [{ step: 1, promptMatches: true }] } });
    expect((await json('why', 'l1x')).error?.hint).toContain('Did you mean "l1"?');
  });

  test('state and checkpoints show the thread as it was', async () => {
    const now = await cli(['state', 'later']);
    expect(now.code).toBe(0);
    expect(now.stdout).toContain('How do I like to be contacted?');
    expect(await json('state', 'later', '--at', 'l1')).toMatchObject({
      data: { thread: 'later', turns: [{ turn: 'l1' }] },
    });
    const early = await json('state', 'hello', '--at', '1');
    expect(early).toMatchObject({ data: { position: 1, facts: [], turns: [{ status: 'running' }] } });
    const later = await json('state', 'hello', '--at', '2100-01-01');
    expect(later.data).toEqual((await json('state', 'hello')).data);
    const before = await json('state', 'later', '--at', '1');
    expect(before).toMatchObject({ code: 3, error: { message: expect.stringContaining('had not begun') as string } });
    expect((await cli(['checkpoints', 'later'])).stdout).toMatch(/^\d+ +l1 +1 /m);
    const [checkpoint] = rows(await json('checkpoints', 'later'));
    expect(checkpoint).toMatchObject({
      turn: 'l1',
      step: 1,
      promptHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect((await json('checkpoints', 'nope-at-all')).code).toBe(3);
  });

  test('replay passes for a good history, and says so for one that was tampered with', async () => {
    const good = await cli(['replay', 'l1']);
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(good.stdout).toMatch(/^workflow {2}ok: \d+ history events.*\nprompts {3}ok: 1 of 1 match/);
    const { history } = await worker.client.turns.history('h1');
    const tampered = proto.temporal.api.history.v1.History.decode(history);
    for (const { activityTaskScheduledEventAttributes: scheduled } of tampered.events)
      if (scheduled?.activityType) scheduled.activityType.name = 'somethingElse';
    const forgeries = [proto.temporal.api.history.v1.History.encode(tampered).finish(), Buffer.from('not a history')];
    for (const forged of forgeries) {
      await database.admin.query(
        `update event set data = jsonb_set(data::jsonb, '{history}', $1)::json where data ->> 'turn' = 'h1' and type = 'HistoryArchived'`,
        [JSON.stringify(Buffer.from(forged).toString('base64'))],
      );
      const run = await json('replay', 'h1');
      expect(run).toMatchObject({
        code: 6,
        ok: false,
        error: { code: 'REPLAY_DIVERGED' },
        data: { workflow: { deterministic: false }, prompts: [{ step: 1, matches: true }] },
      });
    }
    const told = await cli(['replay', 'h1']);
    expect(told.stdout).toMatch(/^workflow {2}diverged\nprompts {3}ok/);
    expect(told.stderr).toMatch(/^REPLAY_DIVERGED: [^\n]*\n→ [^\n]*\n$/);
    expect((await json('replay', 'nope')).code).toBe(3);
  });
});

describe('approvals', () => {
  test('send prints the approval with the commands that decide it; approve lets it happen', async () => {
    const sent = await cli(['send', 'refunds', 'Please refund 80 EUR of order A-1001.', '--turn', 'a1']);
    expect(sent.code).toBe(0);
    for (const command of ['approve a1.2.0', 'edit a1.2.0 --args', 'reject a1.2.0'])
      expect(sent.stdout).toContain(command);
    const queued = await json('send', 'refunds', 'Hello?', '--turn', 'a2', '--timeout', '1');
    expect(queued).toMatchObject({
      code: 1,
      error: { code: 'TURN_STILL_RUNNING', hint: expect.stringContaining('approvals ls') as string },
    });
    expect((await cli(['approvals', 'ls'])).stdout).toMatch(/^a1\.2\.0 +pending .*refund of 80 EUR/m);
    expect(await json('replay', 'a1')).toMatchObject({ code: 3, error: { code: 'HISTORY_NOT_ARCHIVED' } });
    const approved = await cli(['approvals', 'approve', 'a1.2.0', '--actor', 'ben', '--wait', '30']);
    expect(approved).toMatchObject({ code: 0, stdout: 'Refunded 80 EUR for order A-1001.\n' });
    expect(rows(await json('approvals', 'ls', '--all'))).toContainEqual(
      expect.objectContaining({ approval: 'a1.2.0', decision: expect.objectContaining({ actor: 'ben' }) as object }),
    );
  });

  test('somebody else decided: exit code 4 and the decision that stands', async () => {
    const id = await askRefund('s1');
    expect((await cli(['approvals', 'reject', id, '--actor', 'ben', '--reason', 'too old'])).stdout).toBe(
      `approval ${id} rejected by ben because: too old\n`,
    );
    const late = await cli(['approvals', 'approve', id, '--actor', 'carla']);
    expect(late.code).toBe(4);
    expect(late.stderr).toMatch(/^ALREADY_DECIDED: .*rejected by ben because: too old/);
    expect(await json('approvals', 'approve', id, '--actor', 'carla')).toMatchObject({
      code: 4,
      data: { applied: false, approval: { decision: { actor: 'ben', decision: 'reject' } } },
    });
    expect((await json('approvals', 'reject', id, '--actor', 'ben')).code).toBe(0);
  });

  test('edit: bad JSON, arguments that do not fit, then good ones', async () => {
    const id = await askRefund('e1');
    expect(await json('approvals', 'edit', id, '--args', '{oops')).toMatchObject({ code: 2, error: { code: 'USAGE' } });
    const unfit = await json('approvals', 'edit', id, '--args', '{"order":"A-1001"}');
    expect(unfit).toMatchObject({ code: 2, error: { code: 'INVALID_DECISION' } });
    const args = JSON.stringify({ order: 'A-1001', amount: 20, currency: 'EUR' });
    const edited = await json('approvals', 'edit', id, '--args', args, '--wait', '30');
    expect(edited).toMatchObject({
      code: 0,
      data: { applied: true, turn: { reply: 'Refunded 20 EUR for order A-1001.' } },
    });
    const other = JSON.stringify({ order: 'A-1001', amount: 30, currency: 'EUR' });
    expect((await json('approvals', 'edit', id, '--args', other)).code).toBe(4);
  });

  test('respond answers in place of the tool; show and unknown ids', async () => {
    const id = await askRefund('r1');
    const stale = await json('approvals', 'approve', id, '--hash', 'other');
    expect(stale).toMatchObject({ code: 2, error: { code: 'INVALID_DECISION' } });
    expect((await json('approvals', 'respond', id, '--message', 'Offer a voucher.', '--wait', '30')).code).toBe(0);
    expect((await cli(['approvals', 'show', id])).stdout).toContain('answered by ana with "Offer a voucher."');
    expect((await json('approvals', 'show', 'r1.2.9')).error?.hint).toContain(`Did you mean "${id}"?`);
    expect((await cli(['approvals', 'show', 'zzzzzzzz'])).code).toBe(3);
  });

  test('send --stream prints the reply once, and the approval it waits for', async () => {
    const { code, stdout } = await cli(['send', 'streamed', 'Hello there', '--stream']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Hello. How can I help?\n' });
    const asked = await cli(['send', 'streamed', 'Please refund 30 EUR of order A-1002.', '--turn', 'x1', '--stream']);
    expect(asked.stdout).toContain('x1.2.0');
    expect(asked.stdout.match(/refund of 30 EUR/g)).toHaveLength(1);
    const taken = await cli(['send', 'streamed', 'Something else', '--turn', 'x1', '--stream']);
    expect(taken).toMatchObject({ code: 4, stdout: '' });
    expect(await json('send', 'streamed', 'Hello', '--stream')).toMatchObject({ code: 2, error: { code: 'USAGE' } });
  });

  test('chat talks, decides and explains', async () => {
    const lines = [
      'Hello there',
      '/why',
      '/memory',
      'Please refund 30 EUR of order A-1002.',
      'hm',
      'e',
      'no json',
      'r',
      'too old',
    ];
    const { code, stdout, stderr } = await cli(
      ['chat', 'talk', '--user', 'dora'],
      [...lines, '/nope', '/quit', ''].join('\n'),
    );
    expect(code).toBe(0);
    expect(stdout).toContain('support> Hello. How can I help?');
    expect(stdout).toContain('the prompt matches the record');
    expect(stdout).toContain('The agent asks refund of 30 EUR for order A-1002');
    expect(stdout).toContain('That is not JSON: no json');
    expect(stdout).toMatch(/rejected by dora because: too old\nsupport> .*too old/);
    expect(stderr).toContain('There is no /nope');
    expect(await json('chat')).toMatchObject({ code: 2, error: { code: 'USAGE' } });
  });
});

test('doctor finds a whole stack in order, and says what is wrong with half of one', async () => {
  const { code, stdout } = await cli(['doctor']);
  expect(code).toBe(0);
  for (const check of [
    'postgres',
    'database role',
    'schema',
    'tenant',
    'temporal',
    'namespace',
    'search attributes',
    'worker',
    'model',
  ])
    expect(stdout).toMatch(new RegExp(`^ok {4}${check} `, 'm'));
  // Tests log in as a superuser, as people do who have one URL only.
  expect(stdout).toMatch(/^warn {2}database login +"postgres" is a superuser.*\n +→ .*create role holdfast_login/m);
  const env = { ...cliEnvironment(database, worker), HOLDFAST_TASK_QUEUE: 'nobody-here', HOLDFAST_TENANT: 'unknown' };
  const half = await runCli(['doctor', '--json'], { env });
  expect(half.code).toBe(1);
  const failed = rows(documentOf(half)).filter(({ status }) => status === 'fail');
  expect(failed.map(({ check }) => check)).toEqual(['tenant', 'worker']);
});

test('no Temporal server: reading works, sending is exit code 5 and keeps the message', async () => {
  const env = { ...cliEnvironment(database), TEMPORAL_ADDRESS: '127.0.0.1:9' };
  expect((await runCli(['threads', '--json'], { env })).code).toBe(0);
  const run = await runCli(['send', 'no-temporal', 'Are you there?', '--turn', 'unreached', '--json'], { env });
  expect(run.code).toBe(5);
  expect(documentOf(run).error?.code).toBe('TEMPORAL_UNAVAILABLE');
  const { rows } = await database.admin.query(`select 1 from turn where turn = 'unreached'`);
  expect(rows).toHaveLength(1);
});

test('an unknown tenant is not found', async () => {
  const run = await runCli(['threads', '--json'], { env: { ...cliEnvironment(database), HOLDFAST_TENANT: 'nobody' } });
  expect(run.code).toBe(3);
});

test('migrate repeats without harm, creates tenants, and sets up an empty database', async () => {
  const again = await cli(['migrate']);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toBe('ok the schema was up to date\nok tenant "default" existed already\n');
  expect(await json('migrate', '--tenant', 'fresh')).toMatchObject({
    data: { tenant: { id: 'fresh', created: true } },
  });
  const name = `empty_${process.pid}`;
  await database.admin.query(`create database ${name}`);
  try {
    const url = new URL(database.url);
    url.pathname = name;
    const env = { ...cliEnvironment(database), DATABASE_URL: url.href };
    const before = documentOf(await runCli(['threads', '--json'], { env }));
    expect(before.error?.code).toBe('SCHEMA_DRIFT');
    const built = documentOf(await runCli(['migrate', '--json'], { env }));
    expect(built).toMatchObject({ ok: true, data: { tenant: { id: 'default', created: true } } });
    const after = await runCli(['threads'], { env });
    expect(after).toMatchObject({ code: 0, stdout: '' });
  } finally {
    await database.admin.query(`drop database ${name} with (force)`);
  }
});

test('the entry point runs under node by its first line', async () => {
  const source = await readFile(new URL('../../cli/main.ts', import.meta.url), 'utf8');
  expect(source.startsWith('#!/usr/bin/env node\n')).toBe(true);
});
