import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-eval-test-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const message = (conversation: string, id: string, speaker: string, text: string) => ({
  ...{ type: 'message', conversation, session: `${conversation}/s1`, id, speaker, role: null },
  ...{ time: '2024-03-01T10:00:00Z', text },
});
const query = (conversation: string, id: string, text: string, gold: readonly string[], change: object = {}) => ({
  ...{ type: 'query', conversation, id, text, category: 'one', gold, answer: null, time: null, abstain: false },
  ...change,
});
const data = [
  message('c1', 'm1', 'Ida', 'The violin is at the repair shop.'),
  message('c1', 'm2', 'Jon', 'The garden needs water.'),
  message('c2', 'm1', 'Ida', 'Lisbon was warm in March.'),
  query('c1', 'q1', 'Where is the violin?', ['m1']),
  query('c1', 'q2', 'What does the garden need?', ['m2'], { category: 'two', newer: ['m2'], older: ['m1'] }),
  query('c2', 'q3', 'Where is the violin?', [], { abstain: true }),
];

test('imports a data set, asks its queries and prints the figures; the tenant is gone afterwards', async () => {
  const file = join(dir, 'data.jsonl.gz');
  const results = join(dir, 'results.jsonl');
  await writeFile(file, gzipSync(data.map((line) => JSON.stringify(line)).join('\n')));
  const run = await runCli(['eval', '--data', file, '--results', results, '--embedder', 'hash', '--json'], {
    env: cliEnvironment(database),
  });
  expect(documentOf(run)).toMatchObject({
    ok: true,
    data: {
      ...{ stack: 'configured', messages: 3, embedder: 'hash-256-v1', queries: 2, recallAt5: 100, recallAt10: 100 },
      ...{
        allAt10: 100,
        anyAt10: 100,
        ndcgAt10: 100,
        mrr: 100,
        recallWithin500: 100,
        newestFirst: 100,
        abstentionAuroc: 1,
      },
      categories: { one: { queries: 1, recallAt10: 100 }, two: { queries: 1 } },
    },
  });
  const lines = (await readFile(results, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map((line) => line['query'])).toEqual(['q1', 'q2', 'q3']);
  expect(lines[0]).toMatchObject({
    ranked: expect.arrayContaining(['m1']) as unknown,
    confidence: expect.any(Number) as unknown,
  });
  // A query sees its own conversation only.
  expect(lines[2]?.['ranked']).not.toContain('m2');
  const { rows } = await database.admin.query(`select id from tenant where id like 'eval-%' and state = 'active'`);
  expect(rows).toEqual([]);
});

test('says which line is wrong, and which embedders there are', async () => {
  const file = join(dir, 'bad.jsonl');
  await writeFile(file, `${JSON.stringify(data[0])}\n{"type":"message"}\n`);
  const env = cliEnvironment(database);
  const bad = documentOf(await runCli(['eval', '--data', file, '--json'], { env }));
  expect(bad.error).toMatchObject({ code: 'EVAL_DATA_INVALID' });
  expect(bad.error?.message).toContain('line 2');
  const none = documentOf(await runCli(['eval', '--data', join(dir, 'none'), '--json'], { env }));
  expect(none.error).toMatchObject({ code: 'EVAL_DATA_INVALID' });
  await writeFile(file, JSON.stringify(data[0]));
  const unknown = documentOf(await runCli(['eval', '--data', file, '--embedder', 'x', '--json'], { env }));
  expect(unknown.error?.message).toContain('There is no embedder "x".');
});
