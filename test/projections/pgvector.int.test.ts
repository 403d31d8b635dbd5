import { vector as pgvector } from '@electric-sql/pglite-pgvector';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEventStore, createTenant, forgetSubject, migrate, openPool } from '../../eventstore/index.ts';
import type { EventStore } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { userSubject } from '../../memory/subject.ts';
import { readViews } from '../../projections/read-views.ts';
import type { ViewReader } from '../../projections/read-views.ts';
import { findSpace, isPgvectorNew, readNearest } from '../../projections/search/pgvector.ts';
import { readPgvectorStatus } from '../../projections/search/pgvector-status.ts';
import { preparePgvector } from '../../projections/search/pgvector-storage.ts';
import { textHash } from '../../projections/search/projection.ts';
import { putVectors } from '../../projections/search/queries.ts';
import { retrieve } from '../../projections/search/retrieve.ts';
import type { Retrieved, RetrieveInput } from '../../projections/search/retrieve.ts';
import { createRecallIndex } from '../../projections/search/shelves.ts';
import type { LitePostgres } from '../support/lite-postgres.ts';
import { startLitePostgres } from '../support/lite-postgres.ts';
import { testSchema } from '../support/test-schema.ts';
import { withDatabase } from '../support/with-database.ts';

const model = 'test';
const dimensions = 24;
const from = 1_000;
/** Beyond what is compared exactly, so that the index is asked. */
const ofAna = 4_400;
const ofBo = 300;

const random = (() => {
  let state = 11;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
})();
const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
const unit = (values: Float32Array): Float32Array => {
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
};
const anywhere = (): Float32Array => unit(Float32Array.from({ length: dimensions }, normal));
const centres = Array.from({ length: 25 }, anywhere);
/** Half of them lie anywhere, half around one of 25 centres. */
const someVector = (n: number): Float32Array =>
  n % 2 === 0
    ? anywhere()
    : unit((centres[Math.floor(random() * 25)] ?? anywhere()).map((value) => value + 0.12 * normal()));

interface Said {
  readonly id: string;
  readonly user: string;
  readonly text: string;
  readonly values: Float32Array;
}
const saidBy = (user: string, count: number): Said[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `${user}-${n}`,
    user,
    text: `${user} spoke of topic${n % 400} and of thing${n % 37} as number ${n}`,
    values: someVector(n),
  }));

let server: LitePostgres;
let pool: pg.Pool;
/** The superuser, who sees through row-level security. */
let admin: pg.Pool;
let store: EventStore<MemoryEvent>;
const ana = saidBy('ana', ofAna);
const bo = saidBy('bo', ofBo);

async function remember(tenant: string, said: readonly Said[]): Promise<number> {
  let last = 0;
  for (let first = 0; first < said.length; first += 500) {
    const part = said.slice(first, first + 500);
    const stream = `said/${part[0]?.id ?? ''}`;
    ({ lastPosition: last } = await store.append(tenant, {
      id: stream,
      streams: [{ name: stream, expectedVersion: 'any' }],
      events: part.map(({ id, user, text }, n) => ({
        type: 'RoundRecorded',
        stream,
        subjects: [userSubject(user)],
        data: {
          ...{
            thread: `${user}-${Math.floor((first + n) / 10)}`,
            branch: 'main',
            turn: id,
            round: id,
            scope: { user },
          },
          ...{ agent: 'a', message: { speaker: 'user', text }, reply: null },
          occurredAt: new Date(Date.UTC(2026, 0, 1) + (first + n) * 60_000).toISOString(),
        },
      })),
    }));
    await putVectors(
      pool,
      await store.tenantNumber(tenant),
      model,
      part.map(({ text, values }) => ({ textHash: textHash(text), vector: values })),
      { subjects: [userSubject(part[0]?.user ?? '')], readAt: last },
    );
  }
  return last;
}

async function read<T>(
  query: (reader: ViewReader) => Promise<T>,
  { tenant = 'default', at = undefined as number | undefined } = {},
) {
  return readViews(pool, await store.tenantNumber(tenant), query, { at });
}

type Change = Partial<RetrieveInput> & { readonly at?: number | undefined; readonly tenant?: string };

/** Asks twice, each time as a process that has just started: with pgvector and without. */
async function both(values: Float32Array, { at, tenant, ...change }: Change = {}): Promise<[Retrieved, Retrieved]> {
  const ask = (pgvectorFrom: number | null) =>
    read(
      (reader) =>
        retrieve(
          reader,
          {
            ...{ scope: { user: 'ana' }, query: 'what of topic7 and thing3', vector: { model, values } },
            ...{ now: new Date('2026-06-01'), limit: 20, budgetTokens: 10_000 },
            ...change,
          },
          createRecallIndex({ pgvectorFrom }),
        ),
      { at, ...(tenant === undefined ? {} : { tenant }) },
    );
  return [await ask(from), await ask(null)];
}

const told = ({ items }: Retrieved) => items.filter(({ label }) => label !== null).map(({ id }) => id);
/** Beyond 4,096 the exact path begins with signs: what both found is alike, and few are found by one alone. */
function expectAlike(ours: Retrieved, exact: Retrieved): void {
  const others = new Map(exact.items.map((item) => [item.id, item.features]));
  const common = ours.items.filter(({ id }) => others.has(id));
  for (const { id, features } of common) expect({ id, features }).toEqual({ id, features: others.get(id) });
  expect(common.length / others.size).toBeGreaterThanOrEqual(0.95);
}
const nearest = (said: readonly Said[], values: Float32Array, most: number): string[] =>
  said
    .map(({ text, values: own }) => ({
      text,
      cosine: own.reduce((sum, value, d) => sum + value * (values[d] ?? 0), 0),
    }))
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, most)
    .map(({ text }) => textHash(text));

const status = (least: number) => read((reader) => readPgvectorStatus(reader, least));

async function prepare(least: number | null = from) {
  return preparePgvector({ adminUrl: server.url, from: least });
}

beforeAll(async () => {
  // The planner of so small a database would rather sort.
  server = await startLitePostgres(
    { vector: pgvector },
    { settings: ['set enable_sort = off', 'set enable_hashjoin = off'] },
  );
  await migrate({ schema: testSchema, adminUrl: server.url });
  for (const tenant of ['default', 'acme']) await createTenant(server.url, tenant);
  pool = openPool({ url: server.url, applicationName: 'holdfast test', maxConnections: 2 });
  admin = new pg.Pool({ connectionString: server.url, max: 1 });
  store = createEventStore({ pool, schema: testSchema });
  await remember('default', ana);
  await remember('default', bo);
  // The same texts and vectors in another tenant.
  await remember('acme', ana.slice(0, 600));
  await admin.query('analyze');
}, 240_000);

afterAll(async () => {
  await pool.end();
  await admin.end();
  await server[Symbol.asyncDispose]();
});

const versionIs = (version: string) =>
  admin.query(`update pg_extension set extversion = $1 where extname = 'vector'`, [version]);

describe('pgvector', () => {
  test('is made and filled by migrate, for tenants that are large enough, and no others', async () => {
    expect((await read((reader) => findSpace(reader, model)))?.no).toBeUndefined();
    expect(await prepare(ofAna + ofBo + 1)).toMatchObject({ state: 'not needed' });
    expect(await status(ofAna + ofBo + 1)).toEqual({ note: 'not needed: 4700 vectors, used from 4701', fix: null });
    expect(await status(from)).toMatchObject({
      note: expect.stringMatching(/^not set up/) as string,
      fix: expect.stringMatching(/migrate/) as string,
    });
    const report = await prepare();
    expect(report).toMatchObject({ state: 'ready', indexed: [{ tenant: 'default', model, added: ofAna + ofBo }] });
    expect(report.note).toMatch(/^pgvector \d+\.\d+\.\d+ indexes "default" \(test\)$/);
    expect(await status(from)).toEqual({
      note: expect.stringMatching(/^pgvector .* indexes the vectors of test$/) as string,
      fix: null,
    });
    expect(await prepare()).toMatchObject({ indexed: [{ added: 0 }] });
    expect(await read((reader) => findSpace(reader, model))).toMatchObject({ dimensions });
    expect(await read((reader) => findSpace(reader, model), { tenant: 'acme' })).toBeNull();
    expect(await read((reader) => findSpace(reader, 'another'))).toBeNull();
  }, 240_000);

  test('finds at least 95 % of the nearest, by its index', async () => {
    const { kept, of } = await read(async (reader) => {
      const space = await findSpace(reader, model);
      if (!space) throw new Error('There is no index.');
      let [kept, of] = [0, 0];
      for (let n = 0; n < 20; n += 1) {
        const values = someVector(n);
        const found = new Set(
          await readNearest(reader, space, { shelf: 0, scope: { user: 'ana' }, values, limit: 250 }),
        );
        expect(found.size).toBe(250);
        for (const hash of nearest(ana, values, 200)) kept += found.has(hash) ? 1 : 0;
        of += 200;
      }
      return { kept, of };
    });
    expect(kept / of).toBeGreaterThanOrEqual(0.95);
    // The session keeps its statistics for a while unless it is told.
    await admin.query('select pg_stat_force_next_flush()');
    const { rows } = await admin.query<{ scans: number }>(
      `select idx_scan::int as scans from pg_stat_user_indexes where indexrelname like 'embedding_near_%' and indexrelname not like '%pkey'`,
    );
    expect(rows[0]?.scans).toBeGreaterThan(0);
  });

  test('gives the results of the exact path, and says that it was asked', async () => {
    for (let n = 0; n < 6; n += 1) {
      const [ours, exact] = await both(someVector(n));
      expect(told(ours)).toEqual(told(exact));
      expect(ours.confidence).toBe(exact.confidence);
      expect(ours.degraded).toEqual(exact.degraded);
      expect(ours.channels['pgvector']).toBeGreaterThanOrEqual(200);
      expect(exact.channels).not.toHaveProperty('pgvector');
      expect(ours.items.map(({ id, features }) => ({ id, features }))).toEqual(
        exact.items.map(({ id, features }) => ({ id, features })),
      );
    }
  });

  test('few of many are all found: the scan goes on until there are enough', async () => {
    const values = someVector(1);
    await read(async (reader) => {
      const space = await findSpace(reader, model);
      if (!space) throw new Error('There is no index.');
      const asked = { shelf: 0, scope: { user: 'bo' }, values, limit: 250 };
      expect(await readNearest(reader, space, asked)).toHaveLength(250);
      expect(await readNearest(reader, space, { ...asked, scope: { user: 'nobody' } })).toEqual([]);
      const all = await readNearest(reader, space, { ...asked, limit: null });
      expect(new Set(all)).toEqual(new Set(bo.map(({ text }) => textHash(text))));
      expect(all[0]).toBe(nearest(bo, values, 1)[0]);
    });
    const [ours, exact] = await both(values, { policy: { sinceDays: 149 } });
    expect(told(ours)).toEqual(told(exact));
  });

  test('the past is searched as it was', async () => {
    const [ours, exact] = await both(someVector(3), { at: 700 });
    expect(told(ours)).toEqual(told(exact));
    expect(told(ours).length).toBeGreaterThan(10);
    expect(ours.items.every(({ id }) => Number(id.split('-')[1]) < 700)).toBe(true);
  });

  test('what came since is found before it is copied', async () => {
    const values = anywhere();
    await remember('default', [{ id: 'ana-new', user: 'ana', text: 'zzz qqq', values }]);
    const [ours, exact] = await both(values, { query: 'nothing' });
    expect(told(ours)[0]).toBe('ana-new');
    expectAlike(ours, exact);
    expect(await prepare()).toMatchObject({ indexed: [{ added: 1 }] });
    const [copied] = await both(values, { query: 'nothing' });
    expectAlike(copied, exact);
  });

  test('another tenant sees none of it, whatever it asks', async () => {
    const space = await read((reader) => findSpace(reader, model));
    if (!space) throw new Error('There is no index.');
    const values = ana[0]?.values ?? anywhere();
    const asked = { shelf: 0, scope: { user: 'ana' }, values, limit: 10 };
    expect(await read((reader) => readNearest(reader, space, asked))).toHaveLength(10);
    expect(await read((reader) => readNearest(reader, space, asked), { tenant: 'acme' })).toEqual([]);
    expect(
      await read(({ client }) => client.query('select * from holdfast.embedding_near'), { tenant: 'acme' }),
    ).toMatchObject({ rows: [] });
    const [ours, exact] = await both(values, { tenant: 'acme' });
    expect(told(ours)).toEqual(told(exact));
    expect(ours.channels).not.toHaveProperty('pgvector');
  });

  test('a version that is too old is not used', async () => {
    await versionIs('0.8.3');
    const report = await prepare();
    expect(report).toMatchObject({ state: 'old', indexed: [] });
    expect(report.note).toMatch(/0\.8\.3 is too old, 0\.8\.4 or later.*compared in the process/);
    expect(await status(from)).toMatchObject({
      note: expect.stringMatching(/0\.8\.3 is older than 0\.8\.4/) as string,
      fix: expect.stringMatching(/alter extension vector update/) as string,
    });
    const [ours, exact] = await both(someVector(5));
    expect(ours.channels).not.toHaveProperty('pgvector');
    expect(told(ours)).toEqual(told(exact));
    await versionIs('0.8.7');
    expect((await both(someVector(5)))[0].channels).toHaveProperty('pgvector');
    expect(['0.8.4', '0.8.10', '0.9', '1.0.0'].every(isPgvectorNew)).toBe(true);
    expect(['0.8.3', '0.8', '0.7.10', ''].some(isPgvectorNew)).toBe(false);
  });

  test('a forgotten user leaves no copy and is not found', async () => {
    const copies = () => admin.query<{ n: number }>('select count(*)::int as n from holdfast.embedding_near');
    const before = (await copies()).rows[0]?.n ?? 0;
    await forgetSubject({
      ...{ adminUrl: server.url, schema: testSchema, tenant: 'default', subject: userSubject('bo') },
      ...{ actor: 'test', reason: 'asked' },
    });
    expect((await copies()).rows[0]?.n).toBe(before - ofBo);
    await read(async (reader) => {
      const space = await findSpace(reader, model);
      if (!space) throw new Error('There is no index.');
      const asked = { shelf: 0, scope: { user: 'bo' }, values: bo[0]?.values ?? anywhere(), limit: 50 };
      expect(await readNearest(reader, space, asked)).toEqual([]);
    });
  });

  test('is taken away where it is not wanted, under a process that has used it', async () => {
    const index = createRecallIndex({ pgvectorFrom: from });
    const values = someVector(9);
    const input = { scope: { user: 'ana' }, query: 'topic9', vector: { model, values }, now: new Date('2026-06-01') };
    const ask = () => read((reader) => retrieve(reader, input, index));
    const before = await ask();
    expect(before.channels).toHaveProperty('pgvector');
    const bytes = index.bytes;
    expect(await prepare(null)).toMatchObject({ state: 'off' });
    const after = await ask();
    expect(after.channels).not.toHaveProperty('pgvector');
    expect(told(after)).toEqual(told(before));
    // Now the vectors are held here.
    expect(index.bytes - bytes).toBeGreaterThan(ofAna * dimensions * 4);
    expect(await prepare()).toMatchObject({ state: 'ready' });
    expect((await ask()).channels).toHaveProperty('pgvector');
    expect(index.bytes).toBe(bytes);
  }, 240_000);
});

describe('a server without pgvector', () => {
  const database = withDatabase();

  test('is searched exactly, and migrate says why', async () => {
    const no = await database.store.tenantNumber('acme');
    await putVectors(
      database.pool,
      no,
      model,
      ana.slice(0, 20).map(({ text, values }) => ({ textHash: textHash(text), vector: values })),
      { subjects: [], readAt: 0 },
    );
    const report = await preparePgvector({ adminUrl: database.url, from: 10 });
    expect(report).toMatchObject({ state: 'missing', indexed: [] });
    expect(report.note).toContain('the server has no pgvector: vectors are compared in the process');
    expect(await readViews(database.pool, no, (reader) => findSpace(reader, model))).toBeNull();
    expect(await readViews(database.pool, no, (reader) => readPgvectorStatus(reader, 10))).toEqual({
      note: 'the server has no pgvector; 20 vectors are compared in the process',
      fix: null,
    });
    const { rows } = await database.admin.query(`select to_regclass('holdfast.embedding_near') as found`);
    expect(rows).toEqual([{ found: null }]);
  });
});
