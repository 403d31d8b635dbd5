import type pg from 'pg';
import type { Position } from '../../eventstore/index.ts';
import { retryConnection } from '../../eventstore/index.ts';
import type { Scope } from '../../memory/scope.ts';
import { holdsCondition, lineageOf } from '../branches/lineage.ts';
import type { Lineage } from '../branches/lineage.ts';
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
  /** The value of a fact of a kind of its author's own; else null. */
  readonly data: unknown;
  readonly sources: number;
}

/**
 * Reads memories by id as the scope sees them at the reader's position; one that it does not see is left out, and without
 * `past` one that has ended. */
export async function readDocuments(
  reader: ViewReader,
  { scope, ids, past = false }: { readonly scope: Scope; readonly ids: readonly string[]; readonly past?: boolean },
): Promise<FoundDocument[]> {
  const lineage = await lineageOf(reader, scope.fork);
  const own: unknown[] = [reader.tenant, scope.user ?? null, scope.agent ?? null, scope.thread ?? null, ids];
  const holds = holdsCondition(reader, lineage, { alias: 'd', item: 'd.id', past }, own.length + 1);
  // The same values in the same places, so the two conditions share them.
  const said = holdsCondition(reader, lineage, { alias: 's', past: true }, own.length + 1);
  const { rows } = await reader.client.query<FoundDocument>({
    // A prepared statement is planned for one text.
    name: `holdfast_documents${past ? '_past' : ''}${lineage === undefined ? '' : '_in_fork'}`,
    text: `select d.id, d.kind, d.content, d.text_hash, d.trust, d.said_at, d.thread, d.turn, d.data,
        greatest(1, (select count(*) from holdfast.fact_source s where s.tenant = $1 and s.fact = d.id and ${said.text}))::int as sources
      from unnest($5::text[]) as wanted (id), lateral (
        select * from holdfast.memory_document d where d.tenant = $1 and d.id = wanted.id and ${holds.text}
          and (d.scope_user is null or d.scope_user = $2)
          and (d.scope_agent is null or d.scope_agent = $3)
          and (d.scope_thread is null or d.scope_thread = $4)
        ${past ? 'order by d.from_pos desc ' : ''}limit 1) d`,
    values: [...own, ...holds.values],
  });
  return rows;
}

/** What the forks of a lineage ended of what they inherited, with how near the fork is: 0 is the reader's own. */
export async function readEndedInForks(
  { client, tenant }: ViewReader,
  lineage: Lineage,
): Promise<{ readonly item: string; readonly depth: number }[]> {
  const { rows } = await client.query<{ item: string; depth: number }>({
    name: 'holdfast_ended_in_forks',
    text: `select e.item, (l.depth - 1)::int as depth from unnest($2::text[], $3::bigint[]) with ordinality as l (fork, pos, depth)
      join holdfast.fork_end e on e.tenant = $1 and e.fork = l.fork and e.from_pos <= l.pos`,
    values: [tenant, lineage.map(({ fork }) => fork), lineage.map(({ position }) => position)],
  });
  return rows;
}

/** Vectors of these texts by one model, little-endian float32; texts that have none are left out. */
export async function readVectors(
  { client, tenant }: ViewReader,
  { model, hashes }: { readonly model: string; readonly hashes: readonly string[] },
): Promise<{ readonly text_hash: string; readonly vector: Buffer }[]> {
  const { rows } = await client.query<{ text_hash: string; vector: Buffer }>({
    name: 'holdfast_vectors',
    text: `select e.text_hash, e.vector from unnest($3::text[]) as wanted (hash), lateral (
        select * from holdfast.embedding e where e.tenant = $1 and e.model = $2 and e.text_hash = wanted.hash limit 1) e`,
    values: [tenant, model, hashes],
  });
  return rows;
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

/** Where and when a memory was, without its words. */
export interface MemoryTrace {
  readonly scope_user: string | null;
  readonly scope_agent: string | null;
  readonly scope_thread: string | null;
  readonly fork: string;
  readonly from_pos: Position;
  readonly to_pos: Position | null;
}

/** Every trace of a memory in the tenant, in whatever scope and at whatever time, oldest first. */
export async function readTraces({ client, tenant }: ViewReader, memory: string): Promise<MemoryTrace[]> {
  const { rows } = await client.query<MemoryTrace>({
    name: 'holdfast_memory_traces',
    text: `select scope_user, scope_agent, scope_thread, fork, from_pos, to_pos from holdfast.memory_document
      where tenant = $1 and id = $2 order by from_pos`,
    values: [tenant, memory],
  });
  return rows;
}

/** How a fact ended as of the reader's position: what replaced it, null when it was taken back; null when it did not end. */
export async function readFactEnd(
  { client, tenant, position }: ViewReader,
  fact: string,
): Promise<{ readonly replaced_by: string | null } | null> {
  const { rows } = await client.query<{ replaced_by: string | null }>({
    name: 'holdfast_fact_end',
    text: `select replaced_by from holdfast.fact_end where tenant = $1 and fact = $2 and from_pos <= $3 order by from_pos desc limit 1`,
    values: [tenant, fact, position],
  });
  return rows[0] ?? null;
}

/** How often memory was searched for a step, and how often nothing of it came into the prompt. */
export interface RecallStats {
  readonly steps: number;
  readonly empty: number;
}

/** Counts the steps of the tenant as of the reader's position. */
export async function readRecallStats({ client, tenant, position }: ViewReader): Promise<RecallStats> {
  const { rows } = await client.query<RecallStats>({
    name: 'holdfast_recall_stats',
    text: `select count(*)::int as steps, count(*) filter (where recalled = 0)::int as empty
      from holdfast.step where tenant = $1 and from_pos <= $2`,
    values: [tenant, position],
  });
  return rows[0] ?? { steps: 0, empty: 0 };
}
