import type pg from 'pg';

const columns = [
  'tenant',
  'position',
  'stream',
  'version',
  'type',
  'schema_version',
  'subjects',
  'recorded_at',
  'body',
];

/** Runs an action while the log of tenant `acme` lacks one event, behind the store's back; puts it back afterwards. */
export async function withHole(admin: pg.Pool, position: number, action: () => Promise<void>): Promise<void> {
  const { rows } = await admin.query<Record<string, unknown>>(
    `delete from event where position = $1 and tenant = (select no from tenant where id = 'acme')
     returning *, recorded_at::text, data::text as body`,
    [position],
  );
  const row = rows[0] ?? {};
  try {
    await action();
  } finally {
    await admin.query(
      `insert into event (tenant, position, stream, version, type, schema_version, subjects, recorded_at, data)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      columns.map((column) => row[column]),
    );
  }
}

/** Does what archiving leaves behind for tenant `acme`: the events up to a position are gone and the head says so. */
export async function archiveUpTo(admin: pg.Pool, position: number): Promise<void> {
  await admin.query(
    `with own as (select no from tenant where id = 'acme'),
       gone as (delete from event e using own where e.tenant = own.no and e.position <= $1)
     update log_head h set base = $1 from own where h.tenant = own.no`,
    [position],
  );
}

/** What an iterable gave before it ended, and the error it ended with. */
export async function readUntilError<T>(items: AsyncIterable<T>): Promise<{ items: T[]; error: unknown }> {
  const seen: T[] = [];
  try {
    for await (const item of items) seen.push(item);
  } catch (error) {
    return { items: seen, error };
  }
  return { items: seen, error: undefined };
}
