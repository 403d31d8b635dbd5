import type { Arena } from './arena.ts';
import type { Sabotage } from './report.ts';

/** A change of the append function's text, and what else must go so that nothing stands in for it. */
interface Break {
  readonly replace: readonly (readonly [from: string, to: string])[];
  readonly also: readonly string[];
  /** What must go of tables of views; a rebuild makes it again. */
  readonly views?: readonly string[];
}

const breaks: Readonly<Record<Sabotage, Break>> = {
  // Positions are handed out without waiting for each other, and no key notices.
  lock: {
    replace: [['for update of h', '']],
    also: [
      'alter table holdfast.event drop constraint event_pkey',
      'alter table holdfast.event drop constraint event_tenant_stream_version_key',
      'drop index holdfast.command_position',
    ],
  },
  // A command that is sent again is not known.
  dedupe: {
    replace: [
      [
        'v_commands > (select count(*) from holdfast.command c where c.tenant = p_tenant and c.id = any (p_ids))',
        'true',
      ],
      [`c.id = p_ids[w.i] collate "C" limit 1) c) c;`, `false limit 1) c) c;`],
    ],
    also: ['alter table holdfast.command drop constraint command_pkey'],
  },
  // A stream that was sealed by the end of its turn takes events all the same, and no key of a view notices.
  fence: {
    replace: [['filter (where s.sealed\n              or p_expect', 'filter (where p_expect']],
    also: [],
    views: ['turn_end_holds', 'approval_decision_holds'],
  },
  // The receipt is written in a transaction of its own, a moment before the events: the way of systems with two stores.
  transaction: {
    replace: [
      [
        '  -- Elements by number rather than unnest',
        `  perform public.dblink_exec('{connection}', (
    select string_agg(format('insert into holdfast.command values (%L, %L, %L, %L, %L, %L, %L, %L, %L)', p_tenant, p_ids[i],
      decode(p_hashes[i], 'hex'), v_firsts[i], v_firsts[i] + p_counts[i] - 1, v_at, v_chains[i], p_meta[i], p_results[i]), ';')
    from generate_series(1, v_commands) as i));
  perform pg_sleep(0.1);
  -- Elements by number rather than unnest`,
      ],
      [
        /* what the main transaction wrote of it */ `  command as (
    insert into holdfast.command (tenant, id, body_hash, first_position, last_position, recorded_at, chain, meta, result)
      select p_tenant, p_ids[i], decode(p_hashes[i], 'hex'), v_firsts[i], v_firsts[i] + p_counts[i] - 1, v_at, v_chains[i],
             p_meta[i]::json, p_results[i]::json
      from generate_series(1, v_commands) as i)
  insert into`,
        '  nothing as (select)\n  insert into',
      ],
    ],
    also: ['create extension if not exists dblink', 'drop index if exists holdfast.command_position'],
  },
};

/** Takes one protection away from a private database. Throws when the function's text is not what it was when this was written. */
export async function applySabotage(
  { query, postgres }: Pick<Arena, 'query'> & { readonly postgres: Pick<Arena['postgres'], 'adminUrl'> },
  sabotage: Sabotage,
): Promise<void> {
  const { replace, also } = breaks[sabotage];
  const [found] = await query<{ definition: string }>(
    `select pg_get_functiondef(p.oid) as definition from pg_proc p
     where p.pronamespace = 'holdfast'::regnamespace and p.proname = 'append_commands'`,
  );
  let definition = found?.definition ?? '';
  for (const [from, to] of replace) {
    if (!definition.includes(from))
      throw new Error(`append_commands has no "${from}": the sabotage "${sabotage}" is out of date.`);
    definition = definition.replace(from, () => to.replace('{connection}', connectionOf(postgres.adminUrl)));
  }
  for (const statement of also) await query(statement);
  await query(definition);
  await weakenViews({ query }, sabotage);
}

/** Takes the same from the views once more: a rebuild has put new tables in their place. */
export async function weakenViews({ query }: Pick<Arena, 'query'>, sabotage: Sabotage): Promise<void> {
  for (const index of breaks[sabotage].views ?? []) await query(`drop index if exists holdfast.${index}`);
}

/** A connection as dblink wants it. */
function connectionOf(adminUrl: string): string {
  const { hostname, port, username, password, pathname } = new URL(adminUrl);
  return `host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)} dbname=${pathname.slice(1)}`;
}
