import type pg from 'pg';
import type { Position } from '../../eventstore/index.ts';
import { retryConnection } from '../../eventstore/index.ts';
import type { Corpus } from '../../memory/bm25.ts';
import type { Scope } from '../../memory/scope.ts';
import { holdsCondition, lineageOf } from '../branches/lineage.ts';
import type { ViewReader } from '../read-views.ts';

/** A document a channel found, before ranking. */
export interface FoundDocument {
  readonly id: string;
  readonly kind: string;
  readonly content: string;
  readonly text_hash: string;
  readonly trust: string;
  readonly said_at: Date;
  readonly thread: string;
  readonly turn: string;
  readonly sources: number;
}

/** A document found by words. */
export interface LexicalMatch extends FoundDocument {
  /** Occurrences of each query term. */
  readonly frequencies: number[];
  readonly length: number;
}

/** A document found by meaning. */
export interface VectorMatch extends FoundDocument {
  /** Little-endian float32. */
  readonly vector: Buffer;
}

/** SQL of the documents that a scope sees, the other columns that every search gives, and the values of both. */
async function visibleTo(
  reader: ViewReader,
  scope: Scope,
): Promise<{ readonly visible: string; readonly columns: string; readonly values: unknown[]; readonly own: string }> {
  const lineage = await lineageOf(reader, scope.fork);
  const values: unknown[] = [reader.tenant, scope.user ?? null, scope.agent ?? null, scope.thread ?? null];
  const holds = holdsCondition(reader, lineage, { alias: 'd', item: 'd.id' }, values.length + 1);
  // The same values in the same places, so the two conditions share them.
  const said = holdsCondition(reader, lineage, { alias: 's', past: true }, values.length + 1);
  return {
    visible: `visible as (
  select d.* from holdfast.memory_document d
  where d.tenant = $1 and ${holds.text}
    and (d.scope_user is null or d.scope_user = $2)
    and (d.scope_agent is null or d.scope_agent = $3)
    and (d.scope_thread is null or d.scope_thread = $4))`,
    columns: `d.id, d.kind, d.content, d.text_hash, d.trust, d.said_at, d.thread, d.turn,
  greatest(1, (select count(*) from holdfast.fact_source s where s.tenant = $1 and s.fact = d.id and ${said.text}))::int as sources`,
    values: [...values, ...holds.values],
    // A prepared statement is planned for one text.
    own: lineage === undefined ? '' : '_in_fork',
  };
}

/**
 * SQL of the vector that document `d` has of a model. Looked up one by one (lateral): a plan made while the tables are empty
 * must still be right when they are large.
 */
function vectorOf(alias: string, model: string): string {
  return `lateral (select v.code, v.vector from holdfast.embedding v
       where v.tenant = $1 and v.model = ${model} and v.text_hash = d.text_hash limit 1) ${alias}`;
}

/** Gives the placeholder of each further value. */
function placeholders(values: unknown[]): (value: unknown) => string {
  return (value) => `$${values.push(value)}`;
}

/**
 * Documents with any term of the query, their term frequencies, and the size of what was searched, for BM25.
 * Terms are joined by OR: an AND of all words of a question finds almost nothing.
 */
export async function findByTerms(
  reader: ViewReader,
  { scope, query, limit = 200 }: { readonly scope: Scope; readonly query: string; readonly limit?: number },
): Promise<Corpus & { readonly matches: LexicalMatch[] }> {
  const { visible, columns, values, own } = await visibleTo(reader, scope);
  const value = placeholders(values);
  const { rows } = await reader.client.query<
    LexicalMatch & { documents: number; average_length: number; holding: number[] }
  >({
    name: `holdfast_by_terms${own}`,
    text: `with ${visible},
     word as materialized (select lexeme, quote_literal(lexeme)::tsquery as query
       from unnest(to_tsvector('english', ${value(query.slice(0, 10_000))}))),
     any_word as (select string_agg(query::text, ' | ')::tsquery as query from word),
     corpus as materialized (select count(*)::int as documents, coalesce(avg(length(terms)), 0)::float8 as average_length,
         (select array_agg((select count(*)::int from visible v where v.terms @@ word.query) order by lexeme) from word) as holding
       from visible),
     -- Only the best are looked into word by word, which costs more than ranking all.
     best as (select d.*, ts_rank(d.terms, any_word.query) as near from visible d, any_word where d.terms @@ any_word.query
       order by near desc, d.id limit ${value(limit)})
     select ${columns}, length(d.terms) as length, corpus.documents, corpus.average_length, corpus.holding,
       (select array_agg(coalesce(cardinality(u.positions), 0) order by word.lexeme)
          from word left join unnest(d.terms) u on u.lexeme = word.lexeme) as frequencies
     from best d, corpus
     order by d.near desc, d.id`,
    values,
  });
  const [first] = rows;
  return {
    matches: rows,
    documents: first?.documents ?? 0,
    averageLength: first?.average_length ?? 0,
    holding: first?.holding ?? [],
  };
}

/** Documents whose sign bits are nearest to the query's, with their vectors for an exact second pass. */
export async function findByVector(
  reader: ViewReader,
  {
    scope,
    model,
    code,
    limit = 200,
  }: { readonly scope: Scope; readonly model: string; readonly code: string; readonly limit?: number },
): Promise<VectorMatch[]> {
  const { visible, columns, values, own } = await visibleTo(reader, scope);
  const value = placeholders(values);
  const near = value(code);
  const { rows } = await reader.client.query<VectorMatch>({
    name: `holdfast_by_vector${own}`,
    text: `with ${visible}
     select ${columns}, e.vector
     from visible d, ${vectorOf('e', value(model))}
     where length(e.code) = length(${near}::varbit)
     order by bit_count(e.code # ${near}::varbit), d.id
     limit ${value(limit)}`,
    values,
  });
  return rows;
}

/** How many visible documents have no vector of this model yet. */
export async function countWithoutVector(
  reader: ViewReader,
  { scope, model }: { readonly scope: Scope; readonly model: string },
): Promise<number> {
  const { visible, values, own } = await visibleTo(reader, scope);
  const value = placeholders(values);
  const { rows } = await reader.client.query<{ n: number }>({
    name: `holdfast_without_vector${own}`,
    text: `with ${visible}
     select count(*)::int as n from visible d left join ${vectorOf('e', value(model))} on true where e.code is null`,
    values,
  });
  return rows[0]?.n ?? 0;
}

/** A vector of a text, by the text's digest. */
export interface TextVector {
  readonly textHash: string;
  readonly vector: Float32Array;
}

/** Whom texts are about, and the position they were derived from: nothing is stored of a subject that was forgotten since. */
export interface VectorOrigin {
  readonly subjects: readonly string[];
  readonly readAt: Position;
}

/** Stores vectors of texts; ones that are there already stay. Derived data, so it needs no event and no lock. */
export async function putVectors(
  pool: pg.Pool,
  tenant: number,
  model: string,
  vectors: readonly TextVector[],
  origin: VectorOrigin,
): Promise<void> {
  await retryConnection(() => writeVectors(pool, tenant, model, vectors, origin));
}

/** The same in the caller's transaction. */
export async function writeVectors(
  client: pg.Pool | pg.ClientBase,
  tenant: number,
  model: string,
  vectors: readonly TextVector[],
  { subjects, readAt }: VectorOrigin,
): Promise<void> {
  if (vectors.length === 0) return;
  await client.query('select holdfast.put_embeddings($1, $2, $3, $4, $5, $6, $7)', [
    tenant,
    model,
    vectors.map(({ textHash }) => textHash),
    vectors.map(({ vector }) => signBits(vector)),
    vectors.map(({ vector }) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength)),
    subjects,
    readAt,
  ]);
}

/** Which of these digests have a vector of this model. */
export async function findVectors(
  client: pg.ClientBase,
  tenant: number,
  model: string,
  textHashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ text_hash: string }>(
    'select text_hash from holdfast.embedding where tenant = $1 and model = $2 and text_hash = any ($3)',
    [tenant, model, textHashes],
  );
  return new Set(rows.map(({ text_hash }) => text_hash));
}

/** One bit per dimension: set where the value is positive. */
export function signBits(vector: Float32Array): string {
  return Array.from(vector, (value) => (value > 0 ? '1' : '0')).join('');
}

/** A stored vector as numbers. */
export function toVector(bytes: Buffer): Float32Array {
  // Copied: a Buffer of the pool need not be aligned to four bytes.
  return new Float32Array(new Uint8Array(bytes).buffer);
}
