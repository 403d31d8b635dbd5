import { describe, expect, test } from 'vitest';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';
import type { CliDocument, CliRun } from './run-cli.ts';

const database = withDatabase();

const cli = (...args: readonly string[]): Promise<CliRun> => runCli(args, { env: cliEnvironment(database) });
const json = async (...args: readonly string[]): Promise<CliDocument & { code: number | null }> => {
  const run = await cli(...args, '--json');
  return { ...documentOf(run), code: run.code };
};

async function append(tenant: string, turn: string): Promise<void> {
  const stream = `turn/${turn}`;
  const data = {
    thread: 't',
    branch: 'main',
    turn,
    agent: 'a',
    user: null,
    message: 'm',
    occurredAt: '2026-01-01T00:00:00Z',
  };
  await database.store.append(tenant, {
    id: stream,
    streams: [{ name: stream, expectedVersion: 'none' }],
    events: [{ type: 'TurnRequested', stream, data }],
  });
}

describe('tenants', () => {
  test('create, again, list, quota: one line of JSON each', async () => {
    expect(await json('tenants', 'create', 'corp')).toMatchObject({ code: 0, data: { id: 'corp', created: true } });
    expect(await json('tenants', 'create', 'corp')).toMatchObject({ code: 0, data: { id: 'corp', created: false } });
    await append('corp', 't1');
    const none = { maxEvents: null, maxBytes: null };
    expect(await json('tenants', 'quota', 'corp')).toMatchObject({ data: { id: 'corp', quota: none } });
    const set = await json('tenants', 'quota', 'corp', '--max-events', '1', '--max-bytes', '1000');
    expect(set).toMatchObject({ code: 0, data: { id: 'corp', quota: { maxEvents: 1, maxBytes: 1_000 } } });
    await expect(append('corp', 't2')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    const lifted = await json('tenants', 'quota', 'corp', '--max-events', 'none');
    expect(lifted).toMatchObject({ data: { quota: { maxEvents: null, maxBytes: 1_000 } } });
    const list = await json('tenants', 'list');
    expect(list.command).toBe('tenants list');
    expect(list.data).toMatchObject([
      { id: 'acme', state: 'active', events: 0 },
      { id: 'corp', state: 'active', events: 1, streams: 1, quota: { maxEvents: null, maxBytes: 1_000 } },
      { id: 'default', state: 'active' },
    ]);
    const text = await cli('tenants', 'list');
    expect(text.stdout.split('\n')[0]).toMatch(/TENANT +STATE +EVENTS +BYTES +STREAMS +CREATED/);
    expect(text.stdout).toMatch(/^corp +active +1 +\d+ of 1000 +1 +\d{4}-\d\d-\d\d$/m);
  });

  test('drop: first only counts and says how to go on, then deletes, and the id stays taken', async () => {
    await cli('tenants', 'create', 'gone');
    await append('gone', 't1');
    const dry = await cli('tenants', 'drop', 'gone');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(/^event +1$/m);
    expect(dry.stderr).toContain('tenants drop gone --confirm gone');
    expect(await database.store.head('gone')).toBe(1);

    const wrong = await json('tenants', 'drop', 'gone', '--confirm', 'acme');
    expect(wrong).toMatchObject({ code: 2, error: { code: 'USAGE' } });
    expect(await database.store.head('gone')).toBe(1);

    const dropped = await json('tenants', 'drop', 'gone', '--confirm', 'gone');
    expect(dropped).toMatchObject({ code: 0, data: { tenant: 'gone', dryRun: false, rows: { event: 1, command: 1 } } });
    await expect(database.store.head('gone')).rejects.toMatchObject({ code: 'UNKNOWN_TENANT' });
    expect(await json('tenants', 'create', 'gone')).toMatchObject({
      code: 4,
      error: { code: 'TENANT_TAKEN', hint: expect.stringContaining('another id') as string },
    });
    expect((await cli('tenants', 'list')).stdout).toMatch(/^gone +dropped +0 /m);
  });

  test.each([
    [3, 'UNKNOWN_TENANT', ['drop', 'nobody']],
    [3, 'UNKNOWN_TENANT', ['quota', 'nobody', '--max-events', '1']],
    [2, 'USAGE', ['quota', 'acme', '--max-events', 'many']],
    [2, 'USAGE', ['quota', 'acme', '--max-bytes', '-1']],
    [2, 'INVALID_TENANT', ['create', '']],
  ])('exit code %i, %s: %j', async (code, error, args) => {
    expect(await json('tenants', ...args)).toMatchObject({ code, ok: false, error: { code: error } });
  });
});
