import type pg from 'pg';
import type { ExportedKey } from './keys-file.ts';

/**
 * Takes keys from a copy of the log. A destroyed key stays destroyed, whichever side knows of it; a key that is there stays as it
 * is; one without its wrapped key in this copy is only noted, so that its number is not given again. Of two keys in use of one
 * subject the one that is here stays.
 */
export async function importKeys(client: pg.ClientBase, tenant: number, keys: readonly ExportedKey[]): Promise<void> {
  const time = (micros: string): string => `timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`;
  await client.query(
    `insert into holdfast.subject_key as k (tenant, subject, no, wrapped, kek_id, created_at, destroyed_at, forgotten_at)
     select $1, w.subject, w.no, case when w.destroyed is null and not exists (
              select from holdfast.subject_key o
              where o.tenant = $1 and o.subject = w.subject collate "C" and o.no <> w.no and o.wrapped is not null)
            then decode(w.wrapped, 'hex') end, w.kek,
            ${time('w.created')}, ${time('w.destroyed')}, w.forgotten
     from unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
       as w (subject, no, wrapped, kek, created, destroyed, forgotten)
     on conflict (tenant, subject, no) do update set
       wrapped = case when coalesce(k.destroyed_at, excluded.destroyed_at) is null then coalesce(k.wrapped, excluded.wrapped) end,
       kek_id = case when coalesce(k.destroyed_at, excluded.destroyed_at) is null then coalesce(k.kek_id, excluded.kek_id) end,
       destroyed_at = coalesce(k.destroyed_at, excluded.destroyed_at),
       forgotten_at = coalesce(k.forgotten_at, excluded.forgotten_at)`,
    [
      tenant,
      keys.map(({ subject }) => subject),
      keys.map(({ no }) => no),
      keys.map(({ wrapped }) => wrapped),
      keys.map(({ kekId }) => kekId),
      keys.map(({ createdAt }) => createdAt),
      keys.map(({ destroyedAt }) => destroyedAt),
      keys.map(({ forgottenAt }) => forgottenAt),
    ],
  );
}

/** Counts the keys that this copy does not have and the database only knows of, and that nobody destroyed. */
export async function countMissing(
  client: pg.ClientBase,
  tenant: number,
  keys: readonly ExportedKey[],
): Promise<number> {
  const { rows } = await client.query<{ missing: number }>(
    `select count(*) as missing from ${joined} where k.wrapped is null and k.destroyed_at is null`,
    [tenant, keys.map(({ subject }) => subject), keys.map(({ no }) => no)],
  );
  return rows[0]?.missing ?? 0;
}

/** Marks those keys as destroyed: their subjects are forgotten in this database. */
export async function giveUpKeys(client: pg.ClientBase, tenant: number, keys: readonly ExportedKey[]): Promise<void> {
  await client.query(
    `update holdfast.subject_key t set destroyed_at = clock_timestamp() from ${joined}
     where t.tenant = $1 and t.subject = k.subject and t.no = k.no and k.wrapped is null and k.destroyed_at is null`,
    [tenant, keys.map(({ subject }) => subject), keys.map(({ no }) => no)],
  );
}

/** Counts keys in use here that the copy knows to be destroyed. */
export async function countForgotten(
  client: pg.ClientBase,
  tenant: number,
  keys: readonly ExportedKey[],
): Promise<number> {
  const destroyed = keys.filter(({ destroyedAt }) => destroyedAt !== null);
  const { rows } = await client.query<{ forgotten: number }>(
    `select count(*) as forgotten from ${joined} where k.wrapped is not null`,
    [tenant, destroyed.map(({ subject }) => subject), destroyed.map(({ no }) => no)],
  );
  return rows[0]?.forgotten ?? 0;
}

const joined = `unnest($2::text[], $3::int[]) as w (subject, no)
  join holdfast.subject_key k on k.tenant = $1 and k.subject = w.subject collate "C" and k.no = w.no`;
