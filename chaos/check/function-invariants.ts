import type { Subject, Violation } from './subject.ts';
import { becomeApplication, tenantTables, wrong } from './subject.ts';
import { identifier } from './log-invariants.ts';

/** Functions that see all tenants because that is what they are for; they give names of logs and positions, and nothing of what is in them. */
const acrossTenants: ReadonlySet<string> = new Set(['claim_consumer']);

/** A function that the application role may run, with more rights than it has. */
interface OpenFunction {
  readonly oid: string;
  readonly name: string;
  readonly signature: string;
  readonly argnames: readonly string[];
  readonly argtypes: readonly string[];
  readonly fixed: boolean;
}

/**
 * Calls every function that the application role may run with its owner's rights, for one tenant, with names and numbers of what another
 * one has: its subjects, its keys, its turns. None may give anything of it, in an answer or in an error, nor change any of it.
 */
export async function functionsAreApart(subject: Subject): Promise<Violation[]> {
  const { query, tenant, neighbour, operations } = subject;
  const found: Violation[] = [];
  const functions = await query<OpenFunction>(
    `select p.oid::text, p.proname as name, p.oid::regprocedure::text as signature, coalesce(p.proargnames::text[], '{}') as argnames,
       array(select format_type(t, null) from unnest(p.proargtypes) with ordinality a (t, n) order by n) as argtypes,
       exists (select from unnest(p.proconfig) c where c like 'search_path=%') as fixed
     from pg_proc p where p.pronamespace = 'holdfast'::regnamespace and p.prosecdef and has_function_privilege('holdfast_app', p.oid, 'execute')
     order by 1`,
  );
  for (const { signature, fixed } of functions)
    if (!fixed) found.push(wrong(`function ${signature} runs with its owner's rights and the caller's search path`));
  if (functions.length < 10)
    found.push(wrong(`only ${functions.length} functions with their owner's rights were found`));
  const [own] = await query<{ subjects: string[]; nos: number[]; wrapped: string[] }>(
    `select coalesce(array_agg(subject), '{}') as subjects, coalesce(array_agg(no), '{}') as nos,
       coalesce(array_agg(encode(wrapped, 'hex')) filter (where wrapped is not null), '{}') as wrapped
     from holdfast.subject_key where tenant = $1 and subject not in (select subject from holdfast.subject_key where tenant = $2)`,
    [tenant, neighbour],
  );
  const subjects = own?.subjects.slice(0, 50) ?? [];
  const secrets = [
    ...(own?.wrapped ?? []),
    ...operations.flatMap(({ kind, token }) => (kind === 'neighbour' || token === undefined ? [] : [token])),
  ];
  const turns = operations.flatMap(({ turn }) => turn ?? []).slice(0, 50);
  /** What is asked with: by the type of an argument, and by its name where that says more. */
  const ask = (type: string, name: string): unknown => {
    if (name === 'p_tenant') return neighbour;
    if (type === 'text[]') return name.includes('subject') ? subjects : turns;
    if (/^(integer|bigint)\[\]$/.test(type)) return (own?.nos ?? []).slice(0, 50);
    if (type === 'text') return turns[0] ?? '';
    if (type === 'integer' || type === 'bigint') return 1;
    if (type === 'boolean') return true;
    if (type === 'json' || type === 'jsonb') return '[]';
    return null;
  };
  const before = await fingerprint(subject);
  const told: string[] = [];
  for (const { name, signature, argnames, argtypes } of functions.filter((one) => !acrossTenants.has(one.name))) {
    const values = argtypes.map((type, i) => ask(type, argnames[i] ?? ''));
    const places = argtypes.map((type, i) => `$${i + 1}::${type}`).join(', ');
    const answer = await callAs(
      subject,
      neighbour,
      `select f::text as given from holdfast.${identifier(name)}(${places}) f`,
      values,
    );
    told.push(signature);
    const secret = secrets.find((one) => answer.includes(one));
    if (secret !== undefined) found.push(wrong(`function ${signature} shows one tenant what another one has`, secret));
  }
  const after = await fingerprint(subject);
  for (const [table, sum] of before)
    if (after.get(table) !== sum)
      found.push(wrong(`a session of one tenant changed table ${table} of another one, by one of ${told.join(', ')}`));
  return found;
}

/** A sum over all rows of a tenant, by table. */
async function fingerprint({ query, tenant }: Subject): Promise<Map<string, string>> {
  const tables = await query<{ name: string }>(tenantTables);
  const sums = new Map<string, string>();
  for (const { name } of tables) {
    const [row] = await query<{ sum: string }>(
      `select count(*) || '/' || coalesce(sum(hashtextextended(t::text, 0)), 0) as sum from holdfast.${identifier(name)} t where tenant = $1`,
      [tenant],
    );
    sums.set(name, row?.sum ?? '');
  }
  return sums;
}

/** A statement as the application role with a tenant set; its effects stay. Gives rows or the error as text. */
async function callAs({ query }: Subject, tenant: number, sql: string, values: readonly unknown[]): Promise<string> {
  await query('savepoint session');
  try {
    await becomeApplication(query, tenant);
    return JSON.stringify(await query(sql, values));
  } catch (error) {
    await query('rollback to savepoint session');
    return JSON.stringify(error, ['message', 'detail', 'hint', 'where']);
  } finally {
    await query('reset role');
  }
}
