import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { asOwner, dumpLogs, segmentFolder, tamper } from '../eventstore/segments/care-rig.ts';
import { freshDatabase } from '../eventstore/fresh-database.ts';
import { history } from '../projections/history.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';
import type { CliDocument, CliRun } from './run-cli.ts';

const database = withDatabase();

const cli = (args: readonly string[], env = {}): Promise<CliRun> =>
  runCli(args, { env: { ...cliEnvironment(database), ...env } });
const json = async (args: readonly string[], env = {}): Promise<CliDocument & { code: number | null }> => {
  const run = await cli([...args, '--json'], env);
  return { ...documentOf(run), code: run.code };
};

beforeAll(async () => {
  for (const command of history({ seed: 3, turns: 30 })) await database.store.append('default', command);
  for (const command of history({ seed: 4, turns: 10, mark: 'acme' })) await database.store.append('acme', command);
});

describe('export, import, verify, archive', () => {
  test('a backup of all tenants, restored elsewhere', async () => {
    const folder = await segmentFolder();
    const head = await database.store.head('default');
    const first = await json(['export', '--all', '--to', folder, '--segment-events', '50', '--with-keys']);
    expect(first).toMatchObject({ command: 'export', ok: true, code: 0 });
    expect(first.data).toMatchObject({ folder, tenants: [{ tenant: 'acme' }, { tenant: 'default', position: head }] });
    const again = await cli(['export', '--to', folder]);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toContain(`tenant "default" up to position ${head}: nothing new`);

    await using target = await freshDatabase(inject('servers').templateDatabase);
    const elsewhere = { DATABASE_URL: target.url };
    const imported = await json(['import', '--from', folder], elsewhere);
    expect(imported).toMatchObject({
      code: 0,
      data: { tenants: [{ tenant: 'acme' }, { tenant: 'default', events: head }] },
    });
    // The numbers of the tenants are another, everything else is the same.
    const [source, restored] = await Promise.all([database, target].map((one) => asOwner(one, () => dumpLogs(one))));
    expect(restored?.['command']?.length).toBe(source?.['command']?.length);
    expect(restored?.['fact']?.length).toBe(source?.['fact']?.length);
    const verified = await json(['verify', '--all', '--segments', folder], elsewhere);
    expect(verified).toMatchObject({
      code: 0,
      data: { ok: true, tenants: [{ tenant: 'acme' }, { tenant: 'default', position: head }] },
    });
    expect(await json(['import', '--from', folder, '--tenant', 'acme'], elsewhere)).toMatchObject({
      code: 0,
      data: { tenants: [{ tenant: 'acme', events: 0 }] },
    });
  });

  test('verify names what was changed, and exits with 1', async () => {
    const fine = await cli(['verify']);
    expect(fine.code).toBe(0);
    expect(fine.stdout).toMatch(/tenant "default" up to position \d+/);
    expect(fine.stdout).toMatch(/chain +\d+ +ok/);
    expect(fine.stdout).toMatch(/segments +0 +not checked/);

    await tamper(database, 'default', `update command set meta = '{"actor":"mallory"}' where first_position = 1`);
    try {
      const bad = await cli(['verify']);
      expect(bad.code).toBe(1);
      expect(bad.stdout).toMatch(/chain +\d+ +failed 1 problems/);
      expect(bad.stdout).toMatch(
        /chain at 1: command ".*" or one of its events is not what was written\n +→ Stop writers/,
      );
      expect(bad.stderr).toContain('VERIFY_FAILED');
      const document = await json(['verify', '--all']);
      expect(document).toMatchObject({ ok: false, code: 1, error: { code: 'VERIFY_FAILED' }, data: { ok: false } });
      expect((document.data as { tenants: { tenant: string; ok: boolean }[] }).tenants.map(({ ok }) => ok)).toEqual([
        true,
        false,
      ]);
    } finally {
      await tamper(database, 'default', `update command set meta = '{}' where first_position = 1`);
    }
    expect((await cli(['verify'])).code).toBe(0);
  });

  test('archive, then verify and rebuild with the segments', async () => {
    const folder = await segmentFolder();
    const tenant = ['--tenant', 'acme'];
    const archived = await json(['archive', ...tenant, '--below', '21', '--to', folder, '--segment-events', '8']);
    expect(archived).toMatchObject({ code: 0, data: { tenant: 'acme', folder } });
    const { base, events } = archived.data as { base: number; events: number };
    expect(base).toBe(events);
    expect(base).toBeGreaterThan(10);
    const again = await cli(['archive', ...tenant, '--below', '21', '--to', folder]);
    expect(again.stdout).toContain(`is archived up to position ${base}: no whole segment`);
    const verified = await json(['verify', ...tenant, '--segments', folder]);
    expect(verified).toMatchObject({ code: 0, data: { tenants: [{ base, ok: true }] } });
    expect(await json(['verify', ...tenant])).toMatchObject({ code: 0, data: { tenants: [{ base, ok: true }] } });
    expect(await json(['rebuild', '--check', '--segments', folder])).toMatchObject({ code: 0, data: { equal: true } });
  });

  test('mistakes are told with a next step', async () => {
    const folder = await segmentFolder();
    expect(await json(['import', '--from', folder])).toMatchObject({ code: 3, error: { code: 'SEGMENTS_MISSING' } });
    expect(await json(['verify', '--segments', folder])).toMatchObject({
      code: 3,
      error: { code: 'SEGMENTS_MISSING' },
    });
    expect(await json(['export', '--to', folder, '--tenant', 'nobody'])).toMatchObject({
      code: 3,
      error: { code: 'UNKNOWN_TENANT' },
    });
    expect(await json(['export', '--to', folder, '--tenant', 'acme', '--all'])).toMatchObject({
      code: 2,
      error: { code: 'USAGE' },
    });
    expect(await json(['export'])).toMatchObject({ code: 2 });
    expect(await json(['archive', '--below', '0', '--to', folder])).toMatchObject({ code: 2 });
    const file = join(folder, 'file');
    await writeFile(file, '');
    const unusable = await json(['export', '--to', file]);
    expect(unusable).toMatchObject({ code: 1, error: { code: 'FOLDER_UNUSABLE' } });
    expect(unusable.error?.hint).toContain('goes on where it stopped');
    await cli(['export', '--to', folder]);
    const other = await json(['import', '--from', folder, '--tenant', 'default'], {});
    expect(other).toMatchObject({ code: 0, data: { tenants: [{ events: 0 }] } });
  });
});
