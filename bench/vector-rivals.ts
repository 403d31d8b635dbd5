import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import type pg from 'pg';
import { readViews } from '../projections/read-views.ts';
import { signBits } from '../projections/search/queries.ts';
import type { BenchMemory } from './recall-workload.ts';
import { dimensions } from './recall-workload.ts';

/** Something that finds the nearest memories of a user; gives the milliseconds it took. */
export interface Rival {
  add(memories: readonly BenchMemory[]): Promise<void>;
  find(user: string, values: Float32Array): Promise<number>;
  close(): Promise<void>;
}

const found = 50;

/** Exact search by pgvector alone, in PGlite: cosine distance over all rows of the user, no index on the vectors. */
export async function openPgvector(): Promise<Rival & { readonly version: string }> {
  const lite = await PGlite.create({ extensions: { vector } });
  await lite.exec(`create extension vector;
    create table memory (id text primary key, owner text not null, embedding vector(${dimensions}) not null);
    create index on memory (owner)`);
  const { rows } = await lite.query<{ v: string }>("select extversion as v from pg_extension where extname = 'vector'");
  return {
    version: rows[0]?.v ?? 'unknown',
    async add(memories) {
      for (let first = 0; first < memories.length; first += 500) {
        const part = memories.slice(first, first + 500);
        await lite.query(`insert into memory select * from unnest($1::text[], $2::text[], $3::text[]::vector[])`, [
          part.map(({ id }) => id),
          part.map(({ user }) => user),
          part.map((one) => literal(one.vector)),
        ]);
      }
      await lite.exec('analyze memory');
    },
    async find(user, values) {
      const wanted = literal(values);
      const started = performance.now();
      await lite.query(
        `select id, embedding <=> $2 as distance from memory where owner = $1 order by 2 limit ${found}`,
        [user, wanted],
      );
      return performance.now() - started;
    },
    close: () => lite.close(),
  };
}

/** Plain SQL over Holdfast's own tables, no extension: the memories whose signs differ least, then nothing more. */
export function openPlainSql(pool: pg.Pool, tenant: number, model: string): Rival {
  return {
    add: () => Promise.resolve(),
    async find(user, values) {
      const started = performance.now();
      await readViews(pool, tenant, ({ client }) =>
        client.query({
          name: 'bench_plain_sql',
          text: `select d.id, bit_count((e.code # $4::varbit)::bit(${dimensions})) as distance
            from holdfast.memory_document d join holdfast.embedding e on e.tenant = d.tenant and e.model = $3 and e.text_hash = d.text_hash
            where d.tenant = $1 and d.scope_user = $2 and d.to_pos is null order by 2, 1 limit ${found}`,
          values: [tenant, user, model, signBits(values)],
        }),
      );
      return performance.now() - started;
    },
    close: () => Promise.resolve(),
  };
}

function literal(values: Float32Array): string {
  return `[${values.join(',')}]`;
}
