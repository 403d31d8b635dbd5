import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../config/config.ts';
import { ensureMasterKey, findKeyWrapper, masterKeyFile } from '../../cli/master-key.ts';
import { localKeyWrapper } from '../../eventstore/index.ts';
import { requestTurn } from '../support/request-turn.ts';
import { testMasterKey } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();
const env = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  ...cliEnvironment(database),
  ...more,
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-key-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('memory forget', () => {
  test('counts, does it with --yes, and says so again the second time', async () => {
    await requestTurn(database.store, { turn: 't1', thread: 't', message: 'secret', agent: 'a', user: 'ana' });
    const planned = await runCli(['memory', 'forget', 'ana'], { env: env() });
    expect(planned).toMatchObject({ code: 0 });
    expect(planned.stdout).toContain('user:ana: 1 events in 1 streams would lose their texts');
    expect(planned.stderr).toMatch(/Nothing was changed.*memory forget ana --yes/);
    const dry = documentOf(await runCli(['memory', 'forget', 'ana', '--yes', '--dry-run', '--json'], { env: env() }));
    expect(dry).toMatchObject({ ok: true, data: { position: null, events: 1, keys: [1] } });

    const done = documentOf(
      await runCli(['memory', 'forget', 'ana', '--yes', '--reason', 'request 7', '--json'], { env: env() }),
    );
    expect(done).toMatchObject({
      command: 'memory forget',
      ok: true,
      data: {
        subject: 'user:ana',
        events: 1,
        keys: [1],
        rows: { turn: 1, message: 1 },
        position: 2,
        reason: 'request 7',
        actor: 'user:ana',
      },
    });
    const again = await runCli(['memory', 'forget', 'ana', '--yes'], { env: env() });
    expect(again.stdout).toContain('was forgotten before at position 2');
  });

  test('of a user nobody knows, without a key, or with a wrong one', async () => {
    await requestTurn(database.store, { turn: 't2', thread: 't', message: 'secret', agent: 'a', user: 'bo' });
    const unknown = documentOf(await runCli(['memory', 'forget', 'anna', '--yes', '--json'], { env: env() }));
    expect(unknown).toMatchObject({ ok: false, error: { code: 'UNKNOWN_SUBJECT' } });
    for (const key of ['', 'f'.repeat(64)]) {
      const run = await runCli(['memory', 'forget', 'bo', '--yes', '--json'], {
        env: env({ HOLDFAST_MASTER_KEY: key }),
      });
      expect(run.code).toBe(2);
      expect(documentOf(run)).toMatchObject({
        ok: false,
        error: { code: 'KEY_UNAVAILABLE', hint: expect.stringContaining('keys create') as string },
      });
    }
    const malformed = documentOf(
      await runCli(['memory', 'forget', 'bo', '--json'], { env: env({ HOLDFAST_MASTER_KEY: 'short' }) }),
    );
    expect(malformed).toMatchObject({ error: { code: 'INVALID_MASTER_KEY' } });
  });
});

describe('keys', () => {
  test('create prints one that works, and rewrap goes over to it', async () => {
    await requestTurn(database.store, { turn: 't3', thread: 't', message: 'secret', agent: 'a', user: 'cy' });
    const created = await runCli(['keys', 'create'], { env: {} });
    expect(created.code).toBe(0);
    const young = created.stdout.trim();
    expect(created.stderr).toContain(localKeyWrapper(young).id);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'keys'), `${young}\n${testMasterKey}\n`);
    const { HOLDFAST_MASTER_KEY: _, ...keyless } = env({ HOLDFAST_MASTER_KEY_FILE: join(folder, 'keys') });
    const rewrapped = documentOf(await runCli(['keys', 'rewrap', '--json'], { env: keyless }));
    expect(rewrapped).toMatchObject({ ok: true, data: { tenant: 'default', id: localKeyWrapper(young).id } });
    const forgotten = await runCli(['memory', 'forget', 'cy', '--yes'], { env: env({ HOLDFAST_MASTER_KEY: young }) });
    expect(forgotten).toMatchObject({ code: 0 });
    const none = await runCli(['keys', 'rewrap'], { env: env({ HOLDFAST_MASTER_KEY: '' }) });
    expect(none).toMatchObject({ code: 2, stdout: '' });
  });

  test('of the local stack are made once, for its owner’s eyes only', async () => {
    const folder = await temporaryFolder();
    const config = loadConfig({ HOLDFAST_DIR: folder }, folder);
    expect(await findKeyWrapper(config)).toBeUndefined();
    await Promise.all([1, 2, 3, 4].map(() => ensureMasterKey(config)));
    const file = masterKeyFile(config);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    await ensureMasterKey(config);
    expect(await readFile(file, 'utf8')).toBe(text);
    expect((await findKeyWrapper(config))?.id).toBe(localKeyWrapper(text).id);
    // A database of one's own needs a key of one's own.
    const own = loadConfig({ HOLDFAST_DIR: folder, DATABASE_URL: 'postgres://x/y' }, folder);
    expect(await findKeyWrapper(own)).toBeUndefined();
    await expect(ensureMasterKey(own)).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' });
    expect(() => loadConfig({ HOLDFAST_MASTER_KEY_FILE: join(folder, 'none') }, folder)).toThrow(
      /can be read \(ENOENT\)/,
    );
  });
});
