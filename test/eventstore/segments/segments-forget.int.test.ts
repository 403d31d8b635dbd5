import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, inject, test } from 'vitest';
import type { VerifyReport } from '../../../eventstore/index.ts';
import { exportLog, importLog, localKeyWrapper, verifyLog } from '../../../eventstore/index.ts';
import { createFindings } from '../../../eventstore/segments/findings.ts';
import { readCommands } from '../../../eventstore/segments/read-commands.ts';
import { createViewsVerifier } from '../../../eventstore/segments/verify-views.ts';
import { asOwner, dumpLogs, segmentFolder } from './care-rig.ts';
import type { FreshDatabase } from '../fresh-database.ts';
import { freshDatabase } from '../fresh-database.ts';
import { forgetRig } from '../keys/forget-rig.ts';
import { schema as forgetSchema } from '../keys/forget-schema.ts';
import { masterKey, said, saidSchema, saidStore } from '../keys/personal-shapes.ts';
import { collect, upTo } from '../shapes.ts';

const { plainTemplateDatabase } = inject('servers');
const tenant = 'default';
/** Would end a line for whoever splits lines carelessly. */
const ana = 'user:\u2028ana';
const schema = { ...saidSchema, keyWrapper: localKeyWrapper(masterKey) };

const texts = async (database: FreshDatabase): Promise<string[]> =>
  (await collect(saidStore(database).readLog(tenant))).map(({ data }) => data.text);
const forget = (database: FreshDatabase, subject: string): Promise<unknown> =>
  database.admin.query(
    `update subject_key set wrapped = null, kek_id = null, destroyed_at = now(), forgotten_at = 9 where subject = $1`,
    [subject],
  );
const exported = (database: FreshDatabase, folder: string, withKeys: boolean): Promise<unknown> =>
  asOwner(database, (pool) => exportLog({ pool, tenant, folder, withKeys }));

/** Everything that stands in the files of a folder. */
async function content(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const all = await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const bytes = await readFile(join(parentPath, name));
      return name.endsWith('.gz') ? gunzipSync(bytes).toString('utf8') : bytes.toString('utf8');
    }),
  );
  return all.join('\n');
}

test('who was forgotten cannot be read from any copy without the key, old or new', async () => {
  await using source = await freshDatabase(plainTemplateDatabase);
  const [bare, full] = [await segmentFolder(), await segmentFolder()];
  const store = saidStore(source);
  await store.append(tenant, said('1', 'Ana prefers SMS', [ana]));
  await store.append(tenant, said('2', 'Bo prefers mail', ['user:bo']));
  await exported(source, bare, false);
  await exported(source, full, true);
  expect(await content(bare)).not.toMatch(/prefers/);
  expect(await content(full)).not.toMatch(/prefers/);

  const into = async (folder: string, options: { withoutKeys?: boolean } = {}): Promise<string[]> => {
    await using target = await freshDatabase(plainTemplateDatabase);
    await importLog({ adminUrl: target.url, schema, folder, tenant, ...options });
    const verified = await asOwner(target, (pool) => verifyLog({ pool, schema, tenant, folder }));
    expect(verified).toMatchObject({ ok: true, problems: [] });
    return await texts(target);
  };
  // With its keys a copy is whole by itself, given the master key; without, that must be asked for.
  expect(await into(full)).toEqual(['Ana prefers SMS', 'Bo prefers mail']);
  await expect(into(bare)).rejects.toMatchObject({ code: 'KEYS_MISSING' });
  expect(await into(bare, { withoutKeys: true })).toEqual(['[forgotten]', '[forgotten]']);

  // Into another log nothing goes, keys neither.
  await using other = await freshDatabase(plainTemplateDatabase);
  await saidStore(other).append(tenant, said('mine', 'Cy', ['user:cy']));
  const untouched = await dumpLogs(other);
  await expect(importLog({ adminUrl: other.url, schema, folder: full, tenant })).rejects.toMatchObject({
    code: 'LOG_NOT_EMPTY',
  });
  expect(await dumpLogs(other)).toEqual(untouched);

  await using old = await freshDatabase(plainTemplateDatabase);
  await importLog({ adminUrl: old.url, schema, folder: full, tenant });
  await forget(source, ana);
  expect(await texts(source)).toEqual(['[forgotten]', 'Bo prefers mail']);
  // The next export takes the key out of the copy, and an import of it out of a database that still has it.
  await exported(source, full, true);
  expect(await into(full)).toEqual(['[forgotten]', 'Bo prefers mail']);
  const again = await importLog({ adminUrl: old.url, schema, folder: full, tenant });
  expect(again).toMatchObject({ events: 0, keys: { subjects: 2, wrapped: 1, forgotten: 1 } });
  expect(await texts(old)).toEqual(['[forgotten]', 'Bo prefers mail']);
  expect((await dumpLogs(old))['subject_key']).toEqual((await dumpLogs(source))['subject_key']);
  const next = await saidStore(old).append(tenant, said('3', 'Ana is back', [ana]));
  expect(next.firstPosition).toBe(3);
  expect(await texts(old)).toEqual(['[forgotten]', 'Bo prefers mail', 'Ana is back']);
});

test('a log verifies after a subject was forgotten; when it happens meanwhile, views are left out', async () => {
  await using rig = await forgetRig();
  for (const n of upTo(40)) {
    const subject = n % 3 === 0 ? 'user:ana' : 'user:bo';
    await rig.store.append(tenant, said(`s/${n}`, `text ${n}`, [subject], { data: { n: n % 7 } }));
  }
  const verify = (): Promise<VerifyReport> =>
    asOwner(rig.database, (pool) => verifyLog({ pool, schema: forgetSchema, tenant }));
  expect(await verify()).toMatchObject({ ok: true, position: 40, problems: [] });
  await rig.forget('user:ana');
  const after = await verify();
  expect(after).toMatchObject({ ok: true, position: 41, problems: [] });
  expect(after.checks.find(({ name }) => name === 'views')).toMatchObject({ skipped: null });

  // Folded before somebody is forgotten, compared after it.
  await asOwner(rig.database, async (pool) => {
    const client = await pool.connect();
    try {
      const findings = createFindings();
      const views = await createViewsVerifier({ client, schema: forgetSchema, tenant: 1, findings });
      for await (const { events } of readCommands(pool, { id: tenant, no: 1 }, { after: 0, upTo: 41 })) {
        for (const event of events) await views.fold(event);
      }
      await rig.forget('user:bo');
      await views.compare(41);
      expect(findings.problems()).toEqual([]);
      expect(findings.checks().find(({ name }) => name === 'views')?.skipped).toMatch(/forgotten meanwhile/);
    } finally {
      client.release(true);
    }
  });
  expect(await verify()).toMatchObject({ ok: true, position: 42, problems: [] });
});
