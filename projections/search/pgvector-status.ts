import type { ViewReader } from '../read-views.ts';
import { findSpace, isPgvectorNew, leastPgvector } from './pgvector.ts';

/** Whether pgvector is of use to a tenant. */
export interface PgvectorStatus {
  /** One line for people. */
  readonly note: string;
  /** What would make it of use; null when nothing would, or need. */
  readonly fix: string | null;
}

/** Says how the tenant's vectors are searched, and why. */
export async function readPgvectorStatus(reader: ViewReader, from: number | null): Promise<PgvectorStatus> {
  const { client, tenant } = reader;
  if (from === null) return { note: 'not used (HOLDFAST_PGVECTOR_FROM=off)', fix: null };
  const { rows: models } = await client.query<{ model: string; count: number }>(
    `select model, count(*)::int as count from holdfast.embedding where tenant = $1 group by model order by 2 desc`,
    [tenant],
  );
  const [largest] = models;
  if (!largest || largest.count < from)
    return { note: `not needed: ${largest?.count ?? 0} vectors, used from ${from}`, fix: null };
  const exact = `${largest.count} vectors are compared in the process`;
  const { rows } = await client.query<{ available: string | null; installed: string | null }>(
    `select x.default_version as available, x.installed_version as installed
     from pg_catalog.pg_available_extensions x where x.name = 'vector'`,
  );
  const { available = null, installed = null } = rows[0] ?? {};
  if (available === null) return { note: `the server has no pgvector; ${exact}`, fix: null };
  if (!isPgvectorNew(installed ?? available))
    return {
      note: `pgvector ${installed ?? available} is older than ${leastPgvector}; ${exact}`,
      fix: `Install pgvector ${leastPgvector} or later${installed === null ? '' : ' and run `alter extension vector update`'}, then \`holdfast migrate\`.`,
    };
  const spaces = await Promise.all(models.map(async ({ model }) => ({ model, space: await findSpace(reader, model) })));
  const indexed = spaces.flatMap(({ model, space }) => (space ? [model] : []));
  if (!indexed.includes(largest.model))
    return { note: `not set up; ${exact}`, fix: 'Run `holdfast migrate`, which copies and indexes them.' };
  return { note: `pgvector ${installed ?? available} indexes the vectors of ${indexed.join(', ')}`, fix: null };
}
