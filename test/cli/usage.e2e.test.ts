import { expect, test } from 'vitest';
import { documentOf, runCli } from './run-cli.ts';

const commands = [
  ...[
    'dev',
    'demo',
    'migrate',
    'doctor',
    'send',
    'chat',
    'threads',
    'events',
    'why',
    'why-not',
    'state',
    'checkpoints',
    'replay',
  ],
  ...['memory', 'approvals', 'tenants', 'export', 'import', 'verify', 'archive', 'worker'],
];

test('help names every command and every exit code, on stdout', async () => {
  for (const args of [[], ['--help'], ['help']]) {
    const { code, stdout, stderr } = await runCli(args);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    for (const exitCode of [0, 1, 2, 3, 4, 5, 6]) expect(stdout).toMatch(new RegExp(`^ {2}${exitCode} {2}\\w`, 'm'));
  }
});

test.each([
  ...['migrate', 'doctor', 'send', 'chat', 'threads', 'events', 'why', 'why-not', 'state', 'checkpoints', 'replay'].map(
    (name) => [name],
  ),
  ...['export', 'import', 'verify', 'archive', 'worker'].map((name) => [name]),
  ...['search', 'list', 'diff', 'stats'].map((name) => ['memory', name]),
  ...['list', 'create', 'quota', 'drop'].map((name) => ['tenants', name]),
  ...['ls', 'show', 'approve', 'edit', 'reject', 'respond'].map((name) => ['approvals', name]),
])('help of %s %s has an example and says what --json prints', async (...args) => {
  const { code, stdout } = await runCli([...args.filter((arg) => typeof arg === 'string'), '--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('Examples:');
  expect(stdout).toContain('--json prints in "data":');
});

test.each([
  ['an unknown command', ['thraeds'], /Unknown command 'thraeds'/, /Did you mean threads\?/],
  ['an unknown option', ['events', 'x', '--folow'], /Unknown option '--folow'/, /Did you mean --follow\?/],
  ['a missing argument', ['why'], /Missing required argument 'turn'/, /why --help/],
  ['too many arguments', ['why', 'a', 'b'], /Too many arguments/, /why --help/],
  ['a group alone', ['approvals'], /"approvals" needs a subcommand/, /approvals --help/],
  ['a bad number', ['send', 'a', 'b', '--timeout', 'soon'], /Expected a whole number from 0 on/, /send --help/],
  ['a bad moment', ['memory', 'list', '--at', 'yesterday'], /Expected a position of the log, or a time/, /list --help/],
  [
    'queues nobody knows',
    ['worker', '--queues', 'some'],
    /Allowed choices are turns, background, all/,
    /worker --help/,
  ],
  ['versions that are off', ['worker', '--make-current'], /--make-current needs versions/, /HOLDFAST_VERSIONING=on/],
  ['a missing option', ['approvals', 'edit', 'x'], /--args <json>/, /approvals edit --help/],
])('%s is a usage error that says what to do', async (_name, args, message, hint) => {
  const run = await runCli(args);
  expect(run).toMatchObject({ code: 2, stdout: '' });
  expect(run.stderr).toMatch(/USAGE: /);
  expect(run.stderr).toMatch(message);
  expect(run.stderr).toMatch(hint);
  expect(run.stderr).not.toMatch(/^\s+at /m);
});

test('a usage error with --json is one line on stdout', async () => {
  const run = await runCli(['memory', 'search', '--json']);
  expect(run.code).toBe(2);
  expect(documentOf(run)).toMatchObject({ command: 'memory search', ok: false, error: { code: 'USAGE' } });
});

test.each([
  [{ DATABASE_URL: 'mysql://x' }, 'CONFIG_INVALID'],
  [{ HOLDFAST_HEARTBEAT_MS: 'soon' }, 'CONFIG_INVALID'],
])('a wrong setting %o is bad input', async (env, errorCode) => {
  const run = await runCli(['threads', '--json'], { env });
  expect(run.code).toBe(2);
  expect(documentOf(run).error?.code).toBe(errorCode);
});

test('nothing running: exit code 5 and how to start, without a stack trace', async () => {
  const run = await runCli(['threads']);
  expect(run).toMatchObject({ code: 5, stdout: '' });
  expect(run.stderr).toMatch(/^NOT_CONNECTED: /);
  expect(run.stderr).toContain('npm run dev');
  expect(run.stderr).not.toMatch(/^\s+at /m);
});

test('--verbose adds where the error comes from', async () => {
  const run = await runCli(['threads', '--verbose']);
  expect(run.code).toBe(5);
  expect(run.stderr).toMatch(/^\s+at /m);
});

test.each(['threads', 'migrate'])('%s with a closed PostgreSQL port: exit code 5', async (command) => {
  const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none', TEMPORAL_ADDRESS: '127.0.0.1:9' };
  const run = await runCli([command, '--json'], { env });
  expect(run.code).toBe(5);
  expect(documentOf(run).error?.code).toBe('STORE_UNAVAILABLE');
});

test('doctor works when nothing runs', async () => {
  const run = await runCli(['doctor', '--json']);
  expect(run.code).toBe(1);
  const { data, error } = documentOf(run);
  expect(error?.code).toBe('DOCTOR_FAILED');
  expect(data).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ check: 'node', status: 'ok', fix: null }),
      expect.objectContaining({ check: 'config file', status: 'ok' }),
      expect.objectContaining({
        check: 'servers',
        status: 'fail',
        fix: expect.stringContaining('npm run dev') as string,
      }),
      expect.objectContaining({ check: 'model', status: 'warn' }),
    ]),
  );
});

test('doctor names a server that does not answer and a config that cannot be read', async () => {
  const closed = { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none', TEMPORAL_ADDRESS: '127.0.0.1:9' };
  const run = await runCli(['doctor'], {
    env: { ...closed, HOLDFAST_LLM_BASE_URL: 'http://127.0.0.1:9/v1', HOLDFAST_CONFIG: '/nonexistent.ts' },
  });
  expect(run.code).toBe(1);
  for (const check of ['config file', 'postgres', 'temporal', 'model'])
    expect(run.stdout).toMatch(new RegExp(`^fail {2}${check} .*\\n +→ `, 'm'));
  const wrong = await runCli(['doctor'], { env: { DATABASE_URL: 'mysql://x' } });
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toMatch(/^fail {2}environment .*DATABASE_URL/m);
});
