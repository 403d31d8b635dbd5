import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli, startCli } from './run-cli.ts';

const database = withDatabase();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-documents-'));
});
afterAll(() => rm(folder, { recursive: true }));

function run(...args: string[]) {
  return runCli(['memory', ...args, '--user', 'ana', '--json'], { env: cliEnvironment(database) });
}

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test('a file is added, listed, cited and removed', { timeout: 180_000 }, async () => {
  const path = await file('bees.md', '# Bees\n## Winter\nBees need twelve kilos of honey.\n');
  const added = documentOf(await run('add-document', path, '--source', 'bees.md', '--title', 'On bees'));
  expect(added.data).toMatchObject({ source: 'bees.md', outcome: 'stored', added: 1 });
  expect(documentOf(await run('documents')).data).toMatchObject([{ source: 'bees.md', title: 'On bees', chunks: 1 }]);
  const found = documentOf(await run('search', 'how much honey')).data;
  expect(found).toMatchObject([{ citation: { source: 'bees.md', section: 'Bees › Winter', start: 0 } }]);
  expect(documentOf(await run('remove-document', 'bees.md')).data).toMatchObject({ ended: 1 });
  expect(documentOf(await run('documents')).data).toEqual([]);
  const binary = await file('image.md', Buffer.from([0xff, 0xd8, 0x00]));
  expect(documentOf(await run('add-document', binary))).toMatchObject({ ok: false });
});

test('one that is killed in the middle and repeated leaves each chunk once', { timeout: 180_000 }, async () => {
  const parts = 5_000;
  const text = Array.from({ length: parts }, (_, n) => `# Part ${n}\nThis is part ${n} of a long book.\n`).join('');
  const path = await file('book.md', text);
  const count = async (): Promise<number> => {
    const { rows } = await database.admin.query<{ n: number }>(
      `select count(*)::int as n from event where type = 'DocumentChunkStored' and recorded_at >= $1`,
      [began],
    );
    return rows[0]?.n ?? 0;
  };
  const { rows: clock } = await database.admin.query<{ now: Date }>('select clock_timestamp() as now');
  const began = clock[0]?.now;
  const child = startCli(['memory', 'add-document', path, '--user', 'ana', '--json'], cliEnvironment(database));
  let ended = false;
  child.once('exit', () => (ended = true));
  await until('a part is written', async () => (ended || (await count()) > 0 ? true : null), { timeoutMs: 120_000 });
  child.kill('SIGKILL');
  await until('it is gone', () => (ended ? true : null));
  const seen = await count();
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThan(parts);
  expect(documentOf(await run('documents')).data).toEqual([]);
  expect(documentOf(await run('add-document', path)).data).toMatchObject({
    outcome: 'stored',
    added: parts - seen,
    kept: seen,
  });
  expect(await count()).toBe(parts);
  const { rows } = await database.admin.query<{ n: number; texts: number }>(
    `select count(*)::int as n, count(distinct content)::int as texts from memory_document where kind = 'document' and to_pos is null`,
  );
  expect(rows[0]).toEqual({ n: parts, texts: parts });
  expect(documentOf(await run('add-document', path)).data).toMatchObject({ outcome: 'known', kept: parts });
});
