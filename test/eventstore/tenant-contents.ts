import type pg from 'pg';

/** Rows of one tenant in one table: how many, and a digest of all of them. */
export interface TableContents {
  readonly rows: number;
  readonly digest: string | null;
}

/** Every table with a tenant, as the catalog knows them, with what it holds of one tenant. By SQL that sees through row-level security. */
export async function tenantContents(admin: pg.Pool, tenant: number): Promise<Record<string, TableContents>> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `select c.relname as name from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
     where c.relnamespace = 'holdfast'::regnamespace and c.relkind in ('r', 'p', 'm') order by 1`,
  );
  const all: Record<string, TableContents> = {};
  for (const { name } of tables) {
    const { rows } = await admin.query<TableContents>(
      `select count(*)::int as rows, md5(string_agg(t::text, '|' order by t::text)) as digest
       from holdfast."${name}" t where tenant = $1`,
      [tenant],
    );
    if (rows[0]) all[name] = rows[0];
  }
  return all;
}

/** Puts one row of a tenant into each of its tables that has none, made up from the types of the columns. */
export async function fillEmptyTables(admin: pg.Pool, tenant: number): Promise<void> {
  const contents = await tenantContents(admin, tenant);
  for (const name of Object.keys(contents).filter((table) => contents[table]?.rows === 0)) {
    const { rows: columns } = await admin.query<{ name: string; type: string }>(
      `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attnotnull and not atthasdef and attgenerated = ''
         and attidentity = ''`,
      [`holdfast."${name}"`],
    );
    const values = columns.map((column) => (column.name === 'tenant' ? String(tenant) : sample(name, column.type)));
    await admin.query(
      `insert into holdfast."${name}" (${columns.map((column) => `"${column.name}"`).join(', ')}) values (${values.join(', ')})`,
    );
  }
}

const samples: Readonly<Record<string, string>> = {
  text: `'x'`,
  json: `'{}'`,
  jsonb: `'{}'`,
  bytea: `'x'`,
  boolean: 'true',
  integer: '1',
  bigint: '1',
  smallint: '1',
  'double precision': '1',
  'timestamp with time zone': 'now()',
  'text[]': `'{}'`,
  'bit varying': `b'1'`,
};

function sample(table: string, type: string): string {
  const value = samples[type];
  if (value === undefined) throw new Error(`Table ${table} has a column of type ${type}: say what a value is.`);
  return value;
}
