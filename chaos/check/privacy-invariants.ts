import { createReadStream } from 'node:fs';
import { identifier } from './log-invariants.ts';
import { functionsAreApart } from './function-invariants.ts';
import type { Invariant, Subject, Violation } from './subject.ts';
import { becomeApplication, tenantTables, wrong } from './subject.ts';

/** I9: a session of one tenant sees, through every table and every function, nothing of another; one of no tenant sees nothing. */
export const tenantsAreApart: Invariant = async (subject) => {
  const { query, tenant, neighbour } = subject;
  const found: Violation[] = [];
  const tables = await query<{ name: string }>(
    `${tenantTables} and has_table_privilege('holdfast_app', c.oid, 'select')`,
  );
  for (const { name } of tables) {
    for (const own of [tenant, neighbour, null]) {
      const [row] = await asApplication<{ n: number }>(
        subject,
        own,
        `select count(*)::int as n from holdfast.${identifier(name)} where tenant is distinct from ${own === null ? 'null::int' : own}`,
      );
      if ((row?.n ?? 0) > 0)
        found.push(wrong(`table ${name}: a session of ${own ?? 'no tenant'} sees ${row?.n ?? 0} rows of others`));
    }
  }
  if (tables.length < 10) found.push(wrong(`only ${tables.length} tables with a tenant were found`));
  // What a table without row-level security, or a policy for everybody, would show.
  const open = await query<{ name: string }>(
    `${tenantTables} and has_table_privilege('holdfast_app', c.oid, 'select') and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  for (const { name } of open) found.push(wrong(`table ${name} has no forced row-level security`));
  found.push(...(await functionsAreApart(subject)));
  return found;
};

/** A statement as the application role with a tenant set, as a worker's session has it. */
async function asApplication<Row extends object>(
  { query }: Subject,
  tenant: number | null,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  await query('savepoint session');
  try {
    await becomeApplication(query, tenant);
    return await query<Row>(sql, values);
  } finally {
    await query('rollback to savepoint session');
  }
}

/** I10: nothing of a forgotten subject is anywhere: no table, no file of an export, not in Temporal, in no worker's log. */
export const forgottenIsGone: Invariant = async ({ query, operations, files }) => {
  const tokens = operations.flatMap(({ kind, acknowledgedAt, token }) =>
    kind === 'forget' && acknowledgedAt !== null && token !== undefined ? [token] : [],
  );
  if (tokens.length === 0) return [];
  const found: Violation[] = [];
  // The keys that opened what was said of them: with one of them the log, and every copy of it, could be read again.
  const keys = await query<{ subject: string; no: number }>(
    `select k.subject, k.no from holdfast.event e
     cross join json_array_elements_text(e.data -> 'keys') as d (no)
     join holdfast.subject_key k on k.tenant = e.tenant and k.subject = e.data ->> 'subject' and k.no = d.no::int
     where e.type = 'SubjectForgotten' and k.wrapped is not null`,
  );
  for (const { subject, no } of keys)
    found.push(wrong(`key ${no} of ${subject}, who was forgotten, can be opened`, subject));
  const tables = await query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
  );
  for (const { name } of tables) {
    const rows = await query<{ token: string; n: number }>(
      `select t.token, count(*)::int as n from ${name} r join unnest($1::text[]) as t (token) on strpos(r::text, t.token) > 0 group by t.token`,
      [tokens],
    );
    for (const { token, n } of rows) found.push(wrong(`table ${name} holds what was forgotten, in ${n} rows`, token));
  }
  for (const file of files) {
    for (const token of await findInFile(file, tokens))
      found.push(wrong(`file ${file} holds what was forgotten`, token));
  }
  return found;
};

/** Which of some short texts a file holds, read in pieces. */
async function findInFile(file: string, tokens: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  let rest = '';
  for await (const piece of createReadStream(file, {
    encoding: 'latin1',
    highWaterMark: 1 << 20,
  }) as AsyncIterable<string>) {
    const text = rest + piece;
    for (const token of tokens) if (text.includes(token)) found.add(token);
    rest = text.slice(-100);
  }
  return [...found];
}
