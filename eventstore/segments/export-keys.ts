import type pg from 'pg';
import { writeKeys } from './keys-file.ts';
import type { ExportedKey } from './keys-file.ts';
import { withTenant } from '../with-tenant.ts';

const pageSize = 1_000;

export interface ExportKeysInput {
  /** Sessions of the owner role. */
  readonly pool: pg.Pool;
  readonly log: { readonly id: string; readonly no: number };
  readonly folder: string;
  /** Write the wrapped keys too; without, the file only says which keys there are and which were destroyed. */
  readonly withKeys: boolean;
}

/**
 * Writes which subjects have which keys beside the segments, so that a restored log never gives a number twice and knows who
 * was forgotten. Replaces the file of earlier exports: a key destroyed since is gone from it.
 */
export async function exportKeys(
  input: ExportKeysInput,
): Promise<{ readonly subjects: number; readonly wrapped: number }> {
  const count = { subjects: 0, wrapped: 0 };
  async function* counted(): AsyncGenerator<ExportedKey> {
    for await (const key of readKeyRows(input.pool, input.log.no)) {
      const exported = input.withKeys ? key : { ...key, wrapped: null };
      count.subjects += 1;
      if (exported.wrapped !== null) count.wrapped += 1;
      yield exported;
    }
  }
  await writeKeys(input.folder, input.log.id, counted());
  return count;
}

async function* readKeyRows(pool: pg.Pool, tenant: number): AsyncGenerator<ExportedKey> {
  for (let after: Pick<ExportedKey, 'subject' | 'no'> = { subject: '', no: 0 }; ;) {
    const { subject, no } = after;
    const { rows } = await withTenant(pool, tenant, (client) =>
      client.query<ExportedKey>(
        `select subject, no, encode(wrapped, 'hex') as wrapped, kek_id as "kekId",
                (extract(epoch from created_at) * 1000000)::bigint::text as "createdAt",
                (extract(epoch from destroyed_at) * 1000000)::bigint::text as "destroyedAt", forgotten_at as "forgottenAt"
         from holdfast.subject_key where tenant = $1 and (subject, no) > ($2::text collate "C", $3::int)
         order by subject, no limit ${pageSize}`,
        [tenant, subject, no],
      ),
    );
    yield* rows;
    const last = rows.at(-1);
    if (!last) return;
    after = last;
  }
}
