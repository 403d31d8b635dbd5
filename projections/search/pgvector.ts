import type { Scope } from '../../memory/scope.ts';
import type { ViewReader } from '../read-views.ts';

/** The oldest pgvector whose halfvec and iterative scans are used. */
export const leastPgvector = '0.8.4';

/** True for a version from `leastPgvector` on. */
export function isPgvectorNew(version: string): boolean {
  const [own, least] = [version, leastPgvector].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  for (const [at, wanted] of (least ?? []).entries()) {
    const given = own?.[at] ?? 0;
    if (given !== wanted) return given > wanted;
  }
  return true;
}

/** Vectors of one model and tenant that pgvector has an index of. */
export interface NearSpace {
  readonly no: number;
  readonly dimensions: number;
  /** Schema of the extension, quoted. */
  readonly schema: string;
  /** Another one after the storage was made anew. */
  readonly key: string;
}

/** The index of a model's vectors; null without one, and without a pgvector that is new enough. */
export async function findSpace({ client, tenant }: ViewReader, model: string): Promise<NearSpace | null> {
  const { rows: found } = await client.query<{ version: string; schema: string; oid: number | null }>({
    name: 'holdfast_pgvector',
    text: `select x.extversion as version, quote_ident(n.nspname) as schema, to_regclass('holdfast.embedding_near')::oid as oid
      from pg_catalog.pg_extension x join pg_catalog.pg_namespace n on n.oid = x.extnamespace where x.extname = 'vector'`,
  });
  const [extension] = found;
  if (!extension || extension.oid === null || !isPgvectorNew(extension.version)) return null;
  const { rows } = await client.query<{ no: number; dimensions: number }>({
    name: 'holdfast_near_space',
    text: `select s.no, s.dimensions from holdfast.embedding_space s
      join pg_catalog.pg_index i on i.indexrelid = to_regclass('holdfast.embedding_near_' || s.no) and i.indisvalid
      where s.tenant = $1 and s.model = $2`,
    values: [tenant, model],
  });
  const [space] = rows;
  return space ? { ...space, schema: extension.schema, key: `${extension.oid}/${space.no}` } : null;
}

/** Which of these texts have their vector there. */
export async function findNear(
  { client, tenant }: ViewReader,
  { no }: NearSpace,
  hashes: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ text_hash: string }>({
    name: 'holdfast_near_known',
    text: `select n.text_hash from unnest($3::text[]) as wanted (hash)
      join holdfast.embedding_near n on n.tenant = $1 and n.space = $2 and n.text_hash = wanted.hash`,
    values: [tenant, no, hashes],
  });
  return rows.map(({ text_hash }) => text_hash);
}

/** What the three shelves of a scope hold (shelves.ts), in their order. */
const shelfConditions = [
  'd.scope_user = $2',
  'd.scope_user is null and d.scope_thread = $2',
  'd.scope_user is null and d.scope_thread is null and $2::text is null',
] as const;

/**
 * Digests of the texts of a shelf whose vectors are nearest, nearest first, from the index; who may see them is for the caller to decide. It
 * may give fewer than asked although there are more: the index is left after 20,000 vectors of others.
 * @param limit most of them; null = all, without the index
 */
export async function readNearest(
  { client, tenant }: ViewReader,
  { no, dimensions, schema }: NearSpace,
  {
    shelf,
    scope,
    values,
    limit,
  }: {
    readonly shelf: number;
    readonly scope: Scope;
    readonly values: Float32Array;
    readonly limit: number | null;
  },
): Promise<string[]> {
  const condition = shelfConditions[shelf] ?? 'false';
  // The number of the space stands in the text: a parameter would not be seen to be the condition of the index.
  const own = `holdfast.embedding_near n where n.tenant = $1 and n.space = ${no.toFixed()} and exists (
    select from holdfast.memory_document d where d.tenant = $1 and d.text_hash = n.text_hash and ${condition})`;
  const type = `${schema}.halfvec(${dimensions.toFixed()})`;
  const distance = `n.near::${type} operator(${schema}.<=>) $3::${type}`;
  if (limit !== null) {
    // Until the end of the transaction, which ends with this read.
    const reach = Math.min(1_000, Math.max(40, limit));
    await client.query(
      `select set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', '${reach.toFixed()}', true)`,
    );
  }
  const { rows } = await client.query<{ text_hash: string }>({
    name: `holdfast_near_${no}_${shelf}${limit === null ? '_all' : ''}`,
    text:
      limit === null
        ? `with n as materialized (select n.text_hash, n.near from ${own}) select n.text_hash from n order by ${distance}`
        : `select n.text_hash from ${own} order by ${distance} limit $4`,
    values: [
      tenant,
      [scope.user, scope.thread, undefined][shelf] ?? null,
      halfvecText(values),
      ...(limit === null ? [] : [limit]),
    ],
  });
  return rows.map(({ text_hash }) => text_hash);
}

/** A vector as pgvector reads it: half precision has no more than these digits. */
export function halfvecText(values: Float32Array): string {
  return `[${Array.from(values, (value) => Number(value.toPrecision(5))).join(',')}]`;
}
