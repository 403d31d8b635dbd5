import { parseArgs } from 'node:util';
import pg from 'pg';
import { createEventStore, createTenant, migrate, openPool } from '../eventstore/index.ts';
import { holdfastSchema } from '../projections/index.ts';
import { readViews } from '../projections/read-views.ts';
import { textHash } from '../projections/search/projection.ts';
import { putVectors } from '../projections/search/queries.ts';
import { retrieve } from '../projections/search/retrieve.ts';
import type { RecallIndex } from '../projections/search/shelves.ts';
import { createRecallIndex } from '../projections/search/shelves.ts';
import { median, rounded } from './measure.ts';
import { startPrivatePostgres } from './private-postgres.ts';
import type { BenchMemory } from './recall-workload.ts';
import { memoriesOf, question, rememberCommands, textsOf } from './recall-workload.ts';
import { openPgvector, openPlainSql } from './vector-rivals.ts';

/**
 * Retrieval, the embedder excluded: snapshot, words, vectors, ranking and texts of the best, of one user's 1, 10 and 100 thousand memories,
 * in turns with pgvector's exact search alone (in PGlite) and plain SQL on the same rows; then one user's thousand memories among those of
 * a thousand users, in turns with the same user alone. The others have 100 each; `--per-scope 1000` makes it a million. `--growth-only` leaves out
 * the first part.
 */
const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '1000,10000,100000' },
    questions: { type: 'string', default: '60' },
    scopes: { type: 'string', default: '1000' },
    'per-scope': { type: 'string', default: '100' },
    'growth-only': { type: 'boolean', default: false },
  },
});
const sizes = options['growth-only'] ? [] : options.sizes.split(',').map(Number);
const [questions, scopes, perScope] = [options.questions, options.scopes, options['per-scope']].map(Number) as [
  number,
  number,
  number,
];
if (![...sizes, questions, scopes, perScope].every((value) => Number.isInteger(value) && value > 0))
  throw new Error('--sizes, --questions, --scopes and --per-scope take whole numbers greater than 0.');
const say = (line: string): void => console.error(`  … ${line}`);
const model = 'bench';
/** Their commands travel together. */
const usersAtOnce = 8;

await using postgres = await startPrivatePostgres(say);

/** A database with one tenant. */
async function openLog(name: string) {
  const url = await postgres.createDatabase(name);
  await migrate({ schema: holdfastSchema, adminUrl: url });
  await createTenant(url, 'bench');
  const pool = openPool({ url, applicationName: 'holdfast bench', maxConnections: 4 });
  const admin = new pg.Pool({ connectionString: url, max: 2 });
  const store = createEventStore({ pool, schema: holdfastSchema });
  return {
    ...{ pool, admin, store, tenant: await store.tenantNumber('bench') },
    [Symbol.asyncDispose]: async () => {
      await admin.end();
      await pool.end();
    },
  };
}

await using log = await openLog('recall');
const { pool, store, tenant, admin } = log;

async function remember(memories: readonly BenchMemory[], { pool, store, tenant } = log): Promise<void> {
  const commands = rememberCommands(memories);
  for (const [n, command] of commands.entries()) {
    await store.append('bench', command);
    const part = memories.slice(n * 500, (n + 1) * 500);
    const vectors = part.map(({ text, vector }) => ({ textHash: textHash(text), vector }));
    await putVectors(pool, tenant, model, vectors, { subjects: [], readAt: 0 });
  }
}

/**
 * Memories of users who are not asked about. Every one has its events, its rows and a vector of its own in the table, but the vectors
 * are those of a user who is: the server copies them, so that they need not be made and sent.
 */
async function fill(users: readonly string[], like: string): Promise<void> {
  await Promise.all(
    users.map(async (user) => {
      const memories = textsOf(user, perScope);
      for (const command of rememberCommands(memories)) await store.append('bench', command);
      await admin.query(
        `with own as (
           select e.code, e.vector, row_number() over () as n, count(*) over () as total
           from holdfast.memory_document d join holdfast.embedding e on e.tenant = d.tenant and e.text_hash = d.text_hash and e.model = $2
           where d.tenant = $1 and d.scope_user = $3)
         insert into holdfast.embedding (tenant, model, text_hash, code, vector, subjects)
         select $1, $2, wanted.hash, own.code, own.vector, '{}'
         from unnest($4::text[]) with ordinality as wanted (hash, n) join own on own.n = 1 + wanted.n % own.total
         on conflict do nothing`,
        [tenant, model, like, memories.map(({ text }) => textHash(text))],
      );
    }),
  );
}

/** As a server that has been up for a while has it: planner statistics, dead rows gone. */
const settle = async (by: pg.Pool = admin): Promise<void> => {
  for (const table of ['memory_document', 'embedding', 'round', 'fact_source'])
    await by.query(`vacuum analyze holdfast.${table}`);
};

async function ask(index: RecallIndex, user: string, n: number, { pool, tenant } = log): Promise<number> {
  const { query, values } = question(n);
  const started = performance.now();
  const { items } = await readViews(pool, tenant, (reader) =>
    retrieve(reader, { scope: { user }, query, vector: { model, values }, now: new Date('2026-06-01') }, index),
  );
  const ms = performance.now() - started;
  if (items.length === 0) throw new Error(`Question ${n} found nothing of ${user}.`);
  return ms;
}

const lite = await openPgvector();
const sql = openPlainSql(pool, tenant, model);
const index = createRecallIndex();
const milliseconds: Record<string, number> = {};
const ratios: Record<string, number> = {};
const cold: Record<string, { readonly ms: number; readonly mb: number }> = {};
try {
  for (const size of sizes) {
    const user = `u${size}`;
    const memories = memoriesOf(user, size);
    const started = performance.now();
    await remember(memories);
    await lite.add(memories);
    await settle();
    say(`${size} memories written in ${Math.round((performance.now() - started) / 1000)} s`);
    const fresh = createRecallIndex();
    const first = await ask(fresh, user, 0);
    cold[`${size}`] = { ms: rounded(first), mb: rounded(fresh.bytes / 1024 ** 2) };
    const took = { ours: [] as number[], lite: [] as number[], sql: [] as number[], written: [] as number[] };
    for (let n = -10; n < questions; n += 1) {
      const values = question(n).values;
      const ours = await ask(index, user, n);
      const theirs = await lite.find(user, values);
      const plain = size <= 10_000 || n % 10 === 0 ? await sql.find(user, values) : null;
      if (n < 0) continue;
      took.ours.push(ours);
      took.lite.push(theirs);
      if (plain !== null) took.sql.push(plain);
    }
    // A message before each question: what was kept of the shelf is to be seen anew.
    for (let n = 0; n < 12; n += 1) {
      await remember(memoriesOf(`${user}-more-${n}`, 1).map((one) => ({ ...one, user })));
      took.written.push(await ask(index, user, n));
    }
    const p50 = { ours: median(took.ours), lite: median(took.lite), sql: median(took.sql) };
    milliseconds[`ours_${size}`] = rounded(p50.ours);
    milliseconds[`ours_after_a_write_${size}`] = rounded(median(took.written));
    milliseconds[`pgvector_exact_${size}`] = rounded(p50.lite);
    milliseconds[`plain_sql_${size}`] = rounded(p50.sql);
    ratios[`${size}`] = rounded(p50.ours / p50.lite);
    say(`${size}: ${rounded(p50.ours)} ms, pgvector ${rounded(p50.lite)} ms, plain SQL ${rounded(p50.sql)} ms`);
  }

  say(`growth to ${scopes} users: one of 1,000 memories, the others of ${perScope}`);
  const own = memoriesOf('grow-0', 1_000);
  await remember(own);
  await settle();
  const filling = performance.now();
  let told = filling;
  for (let scope = 1; scope < scopes; scope += usersAtOnce) {
    const users = Array.from({ length: Math.min(usersAtOnce, scopes - scope) }, (_, n) => `grow-${scope + n}`);
    await fill(users, 'grow-0');
    const now = performance.now();
    if (now - told < 10_000) continue;
    told = now;
    const left = ((now - filling) / (scope + users.length - 1)) * (scopes - scope - users.length);
    say(`${scope + users.length} of ${scopes} users, about ${Math.ceil(left / 60_000)} minutes left`);
  }
  const filledIn = performance.now() - filling;
  say(`${scopes - 1} users of ${perScope} memories written in ${Math.round(filledIn / 1000)} s`);
  await settle();
  // The same user alone in a database, asked in turns: what else the machine does meets both alike.
  await using alone = await openLog('alone');
  await remember(own, alone);
  await settle(alone.admin);
  const [ours, theirs] = [createRecallIndex(), createRecallIndex()];
  const took = { alone: [] as number[], among: [] as number[], coldAlone: [] as number[], coldAmong: [] as number[] };
  for (let n = -10; n < questions; n += 1) {
    const [among, before] = [await ask(ours, 'grow-0', n), await ask(theirs, 'grow-0', n, alone)];
    if (n < 0) continue;
    took.among.push(among);
    took.alone.push(before);
    if (n % 10 !== 0) continue;
    took.coldAmong.push(await ask(createRecallIndex(), 'grow-0', n));
    took.coldAlone.push(await ask(createRecallIndex(), 'grow-0', n, alone));
  }
  const growth = median(took.among) / median(took.alone);
  Object.assign(milliseconds, { alone: rounded(median(took.alone)), among_scopes: rounded(median(took.among)) });
  Object.assign(milliseconds, {
    cold_alone: rounded(median(took.coldAlone)),
    cold_among_scopes: rounded(median(took.coldAmong)),
  });

  const figures = {
    // Each name only for what was measured at that size.
    p50_ms_1k: milliseconds['ours_1000'],
    p50_ms_10k: milliseconds['ours_10000'],
    p50_ms_100k: milliseconds['ours_100000'],
    ratio_pgvector_exact_10k: ratios['10000'],
    ratio_pgvector_exact_100k: ratios['100000'],
    cold_ms_100k: cold['100000']?.ms,
    [`p50_growth_${scopes}_scopes`]: rounded(growth),
    scopes,
    memories_per_scope: perScope,
    filled_per_second: Math.round(((scopes - 1) * perScope * 1000) / filledIn),
    pgvector: lite.version,
    milliseconds,
    cold,
  };
  const wanted = [
    ...(options['growth-only']
      ? []
      : [
          'p50_ms_1k',
          'p50_ms_10k',
          'p50_ms_100k',
          'ratio_pgvector_exact_10k',
          'ratio_pgvector_exact_100k',
          'cold_ms_100k',
        ]),
    'p50_growth_1000_scopes',
  ];
  const missing = wanted.filter((name) => !Number.isFinite((figures as Readonly<Record<string, unknown>>)[name]));
  if (missing.length > 0) say(`not measured: ${missing.join(', ')}`);
  if (!options.json) console.log(figures);
  console.log(JSON.stringify({ command: 'bench:recall', ok: missing.length === 0, missing, figures }));
  if (missing.length > 0) process.exitCode = 1;
} finally {
  await lite.close();
}
