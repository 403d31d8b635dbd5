import type pg from 'pg';

/**
 * Names of the tables of the schema in which a text stands in any column of any row, in the clear or as bytes.
 * @param admin superuser sessions: they see every row
 * @param text plain ASCII, in lower case; found whatever its case
 */
export async function tablesWith(admin: pg.Pool, text: string): Promise<string[]> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'holdfast'::regnamespace and relkind = 'r' order by 1`,
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await admin.query<{ n: number }>(
      `select count(*)::int as n from holdfast."${name}" t where t::text ilike '%' || $1 || '%' or t::text ilike '%' || $2 || '%'`,
      [text, Buffer.from(text).toString('hex')],
    );
    if ((rows[0]?.n ?? 0) > 0) found.push(name);
  }
  return found;
}
