import { beforeAll, describe, expect, test } from 'vitest';
import { createHashEmbedder } from '../../llm/hash-embedder.ts';
import { readViews } from '../../projections/read-views.ts';
import { textHash } from '../../projections/search/projection.ts';
import { putVectors } from '../../projections/search/queries.ts';
import type { Retrieved } from '../../projections/search/retrieve.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import type { RecallIndex } from '../../projections/search/shelves.ts';
import { createRecallIndex } from '../../projections/search/shelves.ts';
import { memoriesOf, question, rememberCommands } from '../../bench/recall-workload.ts';
import { withDatabase } from '../support/with-database.ts';

const database = withDatabase();
const embedder = createHashEmbedder();
const said = memoriesOf('ana', 1_500);
let number: number;

/** Remembers them fifty at a time; `then` runs after each part. */
async function remember(user: string, memories: typeof said, then?: () => Promise<unknown>): Promise<void> {
  for (let first = 0; first < memories.length; first += 50) {
    const part = memories.slice(first, first + 50);
    const texts = part.map(({ text }) => text);
    for (const command of rememberCommands(part))
      await database.store.append('acme', { ...command, id: `${user}/${first}` });
    const vectors = await embedder.embed(texts, {});
    await putVectors(
      database.pool,
      number,
      embedder.model,
      vectors.map((vector, n) => ({ vector, textHash: textHash(texts[n] ?? '') })),
      { subjects: [], readAt: 0 },
    );
    await then?.();
  }
}

async function ask(index: RecallIndex, n: number, user = 'ana', at?: number): Promise<Retrieved> {
  const { query } = question(n);
  const [values] = await embedder.embed([query], {});
  if (!values) throw new Error('One text gives one vector.');
  const input = { scope: { user }, query, vector: { model: embedder.model, values }, now: new Date('2026-06-01') };
  return readViews(database.pool, number, (reader) => retrieve(reader, { ...input, limit: 20 }, index), { at });
}

const warm = createRecallIndex();

beforeAll(async () => {
  number = await database.store.tenantNumber('acme');
  await remember('ana', said, () => ask(warm, 0));
});

describe('a shelf that is filled from nothing', () => {
  test('answers as one that followed the log from the beginning, now and as of then', async () => {
    for (let n = 0; n < 8; n += 1) {
      expect(await ask(createRecallIndex(), n)).toEqual(await ask(warm, n));
      expect(await ask(createRecallIndex(), n, 'ana', 400)).toEqual(await ask(warm, n, 'ana', 400));
    }
  });

  test('that is put there in slices is whole for everybody who asks meanwhile, and each memory is on it once', async () => {
    const shared = createRecallIndex();
    const answers = await Promise.all([0, 1, 2, 3].map((n) => ask(shared, n)));
    for (const [n, answer] of answers.entries()) expect(answer).toEqual(await ask(warm, n));
    expect(shared.open(JSON.stringify([number, 'user', 'ana'])).shelf.entries).toHaveLength(said.length);
    expect(shared.bytes).toBe(warm.bytes);
  });

  test('stays within its bytes: scopes that go are read again, and answer the same', async () => {
    const users = ['bo', 'cy', 'di', 'ed'];
    for (const user of users) await remember(user, memoriesOf(user, 300));
    const one = createRecallIndex();
    await ask(one, 1, 'bo');
    // Room for two of the four.
    const maxBytes = Math.ceil(one.bytes * 2.5);
    const small = createRecallIndex({ maxBytes });
    for (let round = 0; round < 2; round += 1) {
      for (const user of users) {
        expect(await ask(small, round, user)).toEqual(await ask(createRecallIndex(), round, user));
        expect(small.bytes).toBeLessThanOrEqual(maxBytes);
      }
    }
    // The scope that is asked about stays, however large.
    await ask(small, 1);
    expect(small.bytes).toBeGreaterThan(maxBytes);
    await ask(small, 1, 'bo');
    expect(small.bytes).toBeLessThanOrEqual(maxBytes);
  });
});
