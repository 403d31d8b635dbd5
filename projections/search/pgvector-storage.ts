import type pg from 'pg';
import { openPool, ownerRole } from '../../eventstore/index.ts';
import { halfvecText, isPgvectorNew, leastPgvector } from './pgvector.ts';
import { toVector } from './queries.ts';

/** What there is of pgvector. `note` is a line for people. */
export interface PgvectorReport {
  /**
   * `off`: not wanted; `not needed`: no tenant has that many vectors; `missing`: the server has no pgvector; `refused`: it has, but it could
   * not be created; `old`: the version is too old; `ready`: the vectors are indexed.
   */
  readonly state: 'off' | 'not needed' | 'missing' | 'refused' | 'old' | 'ready';
  readonly note: string;
  readonly indexed: readonly { readonly tenant: string; readonly model: string; readonly added: number }[];
}

export interface PgvectorOptions {
  readonly adminUrl: string;
  /** Vectors of a tenant and model from which they are indexed; null = never: what was made is taken away. */
  readonly from: number | null;
  readonly onProgress?: (line: string) => void;
}

/** pgvector indexes halfvec up to this length. */
const mostDimensions = 4_000;
const rowsAtOnce = 500;

/**
 * Copies the vectors of large tenants as half-precision numbers and has pgvector index them, where the server has it. Nothing else in the
 * database changes, and nothing depends on it: what came since is searched without, until it runs again. Safe to repeat and to kill.
 */
export async function preparePgvector({
  adminUrl,
  from,
  onProgress = () => undefined,
}: PgvectorOptions): Promise<PgvectorReport> {
  const admin = openPool({ url: adminUrl, role: null, applicationName: 'holdfast pgvector', maxConnections: 1 });
  const owner = openPool({
    ...{ url: adminUrl, role: ownerRole, applicationName: 'holdfast pgvector', maxConnections: 1 },
    statementTimeoutMs: 0,
  });
  const report = (state: PgvectorReport['state'], note: string): PgvectorReport => ({ state, note, indexed: [] });
  try {
    if (from === null) {
      await owner.query('drop table if exists holdfast.embedding_near, holdfast.embedding_space');
      return report('off', 'not used (HOLDFAST_PGVECTOR_FROM=off): vectors are compared in the process');
    }
    const spaces = await largeSpaces(owner, from);
    if (spaces.length === 0) return report('not needed', `no tenant has ${from} vectors of one model`);
    const extension = await ensureExtension(admin);
    if ('state' in extension) return report(extension.state, extension.note);
    await createTables(owner, extension.schema);
    const indexed: { tenant: string; model: string; added: number }[] = [];
    for (const space of spaces.filter(({ dimensions }) => dimensions <= mostDimensions)) {
      const added = await fill(owner, space, { schema: extension.schema, onProgress });
      indexed.push({ tenant: space.tenant, model: space.model, added });
    }
    await owner.query('analyze holdfast.embedding_near');
    return {
      state: 'ready',
      note: `pgvector ${extension.version} indexes ${indexed.map(({ tenant, model }) => `"${tenant}" (${model})`).join(', ')}`,
      indexed,
    };
  } finally {
    await owner.end();
    await admin.end();
  }
}

interface LargeSpace {
  readonly tenant: string;
  readonly no: number;
  readonly model: string;
  readonly dimensions: number;
}

async function largeSpaces(owner: pg.Pool, from: number): Promise<LargeSpace[]> {
  const { rows: estimates } = await owner.query<{ rows: number }>(
    `select reltuples::float8 as rows from pg_catalog.pg_class where oid = 'holdfast.embedding'::regclass`,
  );
  // Counting takes a look per tenant. What the planner believes is not far off; 0 and less say that it knows nothing.
  const believed = estimates[0]?.rows ?? 0;
  if (believed > 0 && believed < from / 2) return [];
  const { rows: tenants } = await owner.query<{ no: number; id: string }>(
    `select no, id from holdfast.tenant where state = 'active' order by no`,
  );
  const spaces: LargeSpace[] = [];
  for (const { no, id } of tenants) {
    const rows = await asTenant<{ model: string; dimensions: number }>(owner, no, (client) =>
      client.query(
        `select model, min(octet_length(vector)) / 4 as dimensions from holdfast.embedding
         where tenant = $1 group by model having count(*) >= $2 order by model`,
        [no, from],
      ),
    );
    spaces.push(...rows.map((row) => ({ ...row, tenant: id, no })));
  }
  return spaces;
}

type Extension = { readonly version: string; readonly schema: string };

/** The extension, made where it may be made; or why there is none. */
async function ensureExtension(admin: pg.Pool): Promise<Extension | Pick<PgvectorReport, 'state' | 'note'>> {
  const exact = 'vectors are compared in the process';
  const before = await findExtension(admin);
  if (!before) {
    const { rows } = await admin.query<{ version: string | null }>(
      `select default_version as version from pg_catalog.pg_available_extensions where name = 'vector'`,
    );
    const [available] = rows;
    if (!available) return { state: 'missing', note: `the server has no pgvector: ${exact}` };
    if (!isPgvectorNew(available.version ?? '0'))
      return {
        state: 'old',
        note: `the server has pgvector ${available.version ?? ''}, ${leastPgvector} or later is needed: ${exact}`,
      };
    try {
      await admin.query('create extension if not exists vector');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        state: 'refused',
        note: `pgvector could not be created (${why}): ${exact}. Have somebody who may run \`create extension vector\``,
      };
    }
  }
  const extension = before ?? (await findExtension(admin));
  if (!extension) return { state: 'missing', note: `pgvector is gone again: ${exact}` };
  if (!isPgvectorNew(extension.version))
    return {
      state: 'old',
      note: `pgvector ${extension.version} is too old, ${leastPgvector} or later is needed (\`alter extension vector update\`): ${exact}`,
    };
  return extension;
}

async function findExtension(pool: pg.Pool): Promise<Extension | undefined> {
  const { rows } = await pool.query<Extension>(
    `select x.extversion as version, quote_ident(n.nspname) as schema
     from pg_catalog.pg_extension x join pg_catalog.pg_namespace n on n.oid = x.extnamespace where x.extname = 'vector'`,
  );
  return rows[0];
}

/** The extension belongs to the database, not to the schema of a release: so these tables are made here, and not by a migration. */
async function createTables(owner: pg.Pool, schema: string): Promise<void> {
  await owner.query(`do $$ begin
    perform pg_advisory_xact_lock(7245710363);
    if to_regclass('holdfast.embedding_space') is not null then return; end if;
    create table holdfast.embedding_space (
      no          int generated always as identity primary key,
      tenant      int not null,
      model       text collate "C" not null,
      dimensions  int not null,
      unique (tenant, model)
    );
    create table holdfast.embedding_near (
      tenant      int not null,
      space       int not null,
      text_hash   text collate "C" not null,
      near        ${schema}.halfvec not null,
      primary key (space, text_hash)
    );
    call holdfast.secure_table('embedding_space');
    call holdfast.secure_table('embedding_near');
  end $$`);
}

/** Copies what is missing and indexes it; gives how many vectors came in. */
async function fill(
  owner: pg.Pool,
  { tenant, no: log, model, dimensions }: LargeSpace,
  { schema, onProgress }: { readonly schema: string; readonly onProgress: (line: string) => void },
): Promise<number> {
  const [space] = await asTenant<{ no: number }>(owner, log, (client) =>
    client.query(
      `insert into holdfast.embedding_space (tenant, model, dimensions) values ($1, $2, $3)
       on conflict (tenant, model) do update set dimensions = excluded.dimensions returning no`,
      [log, model, dimensions],
    ),
  );
  if (!space) throw new Error(`The vectors of tenant ${tenant} got no space.`);
  let [last, added, seen] = ['', 0, 0];
  for (;;) {
    const rows = await asTenant<{ text_hash: string; vector: Buffer }>(owner, log, (client) =>
      client.query(
        `select e.text_hash, e.vector from holdfast.embedding e
         where e.tenant = $1 and e.model = $2 and e.text_hash > $3 and octet_length(e.vector) = 4 * $4::int
           and not exists (select from holdfast.embedding_near n where n.space = $5 and n.text_hash = e.text_hash)
         order by e.text_hash limit ${rowsAtOnce}`,
        [log, model, last, dimensions, space.no],
      ),
    );
    if (rows.length === 0) break;
    last = rows.at(-1)?.text_hash ?? last;
    // Whoever forgets deletes the vector first and its copy after: the row that we hold is still there, or we leave it out.
    const copied = await asTenant<{ text_hash: string }>(owner, log, (client) =>
      client.query(
        `insert into holdfast.embedding_near (tenant, space, text_hash, near)
         select $1, $2, e.text_hash, v.near::${schema}.halfvec(${dimensions.toFixed()})
         from unnest($4::text[], $5::text[]) as v (hash, near), lateral (
           select e.text_hash from holdfast.embedding e where e.tenant = $1 and e.model = $3 and e.text_hash = v.hash
           for key share skip locked) e
         on conflict do nothing returning text_hash`,
        [
          ...[log, space.no, model, rows.map(({ text_hash }) => text_hash)],
          rows.map(({ vector }) => halfvecText(toVector(vector))),
        ],
      ),
    );
    added += copied.length;
    seen += rows.length;
    if (seen % 20_000 < rowsAtOnce) onProgress(`${seen} vectors of "${tenant}" copied for pgvector`);
  }
  onProgress(`indexing the vectors of "${tenant}" (${model})`);
  await owner.query(
    `create index if not exists embedding_near_${space.no.toFixed()} on holdfast.embedding_near
     using hnsw ((near::${schema}.halfvec(${dimensions.toFixed()})) ${schema}.halfvec_cosine_ops) where space = ${space.no.toFixed()}`,
  );
  return added;
}

/** Runs one statement as a transaction for which row-level security shows the tenant. */
async function asTenant<T extends pg.QueryResultRow>(
  pool: pg.Pool,
  tenant: number,
  run: (client: pg.PoolClient) => Promise<pg.QueryResult<T>>,
): Promise<T[]> {
  const client = await pool.connect();
  try {
    await client.query(`begin; select set_config('holdfast.tenant', '${tenant.toFixed()}', true)`);
    const { rows } = await run(client);
    await client.query('commit');
    return rows;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
