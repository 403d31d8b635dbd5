import { createHash } from 'node:crypto';
import type { Invariant, Violation } from './subject.ts';
import { wrong } from './subject.ts';

/** I3: positions are dense, commands tile them, versions are dense in every stream. */
export const dense: Invariant = async ({ query, tenant }) => {
  const found: Violation[] = [];
  const [log] = await query<{
    base: number;
    head: number;
    events: number;
    distinct: number;
    lowest: number;
    highest: number;
  }>(
    `select h.base::int, h.position::int as head, count(e.position)::int as events, count(distinct e.position)::int as distinct,
       coalesce(min(e.position), h.base + 1)::int as lowest, coalesce(max(e.position), h.base)::int as highest
     from holdfast.log_head h left join holdfast.event e on e.tenant = h.tenant where h.tenant = $1 group by h.base, h.position`,
    [tenant],
  );
  if (!log) return [{ kind: 'lost', what: 'the log has no head', about: [] }];
  const { base, head, events, distinct, lowest, highest } = log;
  if (lowest !== base + 1 || highest !== head || distinct !== head - base)
    found.push({
      kind: 'lost',
      what: `positions ${lowest}..${highest} hold ${distinct} events, the head is at ${head}`,
      about: [],
    });
  if (events !== distinct)
    found.push({ kind: 'duplicated', what: `${events - distinct} positions are given twice`, about: [] });
  const gaps = await query<{ id: string; first: number; before: number }>(
    `select * from (select id, first_position::int as first, coalesce(lag(last_position) over (order by first_position, last_position), 0)::int as before
       from holdfast.command where tenant = $1) c where first <> before + 1 limit 20`,
    [tenant],
  );
  for (const { id, first, before } of gaps)
    found.push(wrong(`command ${id} begins at ${first}, the one before it ends at ${before}`, id));
  const streams = await query<{ name: string; version: number; events: number; lowest: number; highest: number }>(
    `select coalesce(s.name, '(none)') as name, coalesce(s.version, -1)::int as version, count(e.position)::int as events,
       coalesce(min(e.version), 1)::int as lowest, coalesce(max(e.version), 0)::int as highest
     from holdfast.stream s full join holdfast.event e on e.tenant = s.tenant and e.stream = s.no
     where coalesce(s.tenant, e.tenant) = $1 group by s.name, s.version
     having coalesce(s.version, -1) <> coalesce(max(e.version), 0) or count(e.position) <> coalesce(max(e.version), 0)
       or count(distinct e.version) <> count(e.position) or coalesce(min(e.version), 1) <> 1 limit 20`,
    [tenant],
  );
  for (const { name, version, events: n, lowest: from, highest: to } of streams)
    found.push(wrong(`stream ${name} is at version ${version}, its ${n} events have versions ${from}..${to}`, name));
  return found;
};

/** I4: time never runs backwards along the log. */
export const monotone: Invariant = async ({ query, tenant }) => {
  const rows = await query<{ position: number; at: string; before: string }>(
    `select position::int, at::text, before::text from (
       select position, recorded_at as at, lag(recorded_at) over (order by position) as before from holdfast.event where tenant = $1) e
     where at < before limit 20`,
    [tenant],
  );
  const commands = await query<{ id: string }>(
    `select c.id from holdfast.command c join holdfast.event e on e.tenant = c.tenant and e.position = c.first_position
     where c.tenant = $1 and c.recorded_at <> e.recorded_at limit 20`,
    [tenant],
  );
  return [
    ...rows.map(({ position, at, before }) =>
      wrong(`position ${position} is of ${at}, the one before it of ${before}`),
    ),
    ...commands.map(({ id }) => wrong(`command ${id} and its events are of different times`, id)),
  ];
};

/** I6: no row of a view knows of a position that the log has not reached. */
export const viewsWithinHead: Invariant = async ({ query, tenant }) => {
  const views = await query<{ name: string }>('select name from holdfast.view_definition order by name');
  const found: Violation[] = [];
  for (const { name } of views) {
    const rows = await query<{ n: number; furthest: number; head: number }>(
      `select count(*)::int as n, max(greatest(v.from_pos, v.to_pos))::int as furthest, h.position::int as head
       from holdfast.${identifier(name)} v join holdfast.log_head h on h.tenant = v.tenant
       where v.tenant = $1 and (v.from_pos > h.position or v.to_pos > h.position or v.from_pos < 1 or v.to_pos <= v.from_pos)
       group by h.position`,
      [tenant],
    );
    for (const { n, furthest, head } of rows)
      found.push(
        wrong(`${n} rows of view ${name} stand outside of the log: up to ${furthest}, the head is at ${head}`),
      );
  }
  if (views.length === 0) found.push(wrong('no view is known'));
  return found;
};

interface CommandRow {
  readonly id: string;
  readonly first: number;
  readonly last: number;
  readonly micros: string;
  readonly chain: string;
  readonly hash: string;
  readonly meta: string;
  readonly result: string;
}

interface EventRow {
  readonly position: number;
  readonly stream: string | null;
  readonly type: string;
  readonly schema_version: number;
  readonly subjects: string[] | null;
  readonly data: string;
}

/** I8: the chain over the stored texts is the one that was stored; made again here from docs/segments.md. */
export const chainHolds: Invariant = async ({ query, tenant }) => {
  const commands = await query<CommandRow>(
    `select id, first_position::int as first, last_position::int as last, (extract(epoch from recorded_at) * 1000000)::bigint::text as micros,
       encode(chain, 'hex') as chain, encode(body_hash, 'hex') as hash, meta::text, result::text
     from holdfast.command where tenant = $1 order by first_position`,
    [tenant],
  );
  const events = new Map<number, EventRow>();
  for (const row of await query<EventRow>(
    `select e.position::int, s.name as stream, e.type, e.schema_version, e.subjects, e.data::text
     from holdfast.event e left join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream where e.tenant = $1`,
    [tenant],
  ))
    events.set(row.position, row);
  let chain: Buffer = Buffer.alloc(0);
  for (const { id, first, last, micros, meta, result, ...stored } of commands) {
    const own = Array.from({ length: last - first + 1 }, (_, i) => events.get(first + i)).filter(
      (e) => e !== undefined,
    );
    const content = createHash('sha256');
    const add = (text: string): void => void content.update(`${Buffer.byteLength(text)}:`).update(text);
    add(id);
    add(result);
    for (const { stream, type, schema_version: version, subjects, data } of own) {
      add(stream ?? '');
      add(type);
      add(`${version}${JSON.stringify(subjects ?? [])}`);
      add(data);
    }
    const body = createHash('sha256').update(content.digest()).update(meta).digest();
    chain = createHash('sha256').update(chain).update(body).update(`${first}|${micros}`).digest();
    // What follows a break differs as well: one is enough.
    if (chain.toString('hex') !== stored.chain)
      return [wrong(`the chain does not hold at command ${id}, position ${first}`, id)];
  }
  const [head] = await query<{ chain: string }>(
    `select encode(chain, 'hex') as chain from holdfast.log_head where tenant = $1`,
    [tenant],
  );
  return head?.chain === chain.toString('hex') ? [] : [wrong('the chain of the head is not that of the last command')];
};

/** I11: every command that is sent again gets its first receipt. Asked of the append function itself, in transactions that are rolled back. */
export const replaysToReceipt: Invariant = async ({ query, tenant }) => {
  const commands = await query<CommandRow>(
    `select id, first_position::int as first, last_position::int as last, encode(body_hash, 'hex') as hash, result::text, '' as chain, '' as meta, '' as micros
     from holdfast.command where tenant = $1 order by first_position`,
    [tenant],
  );
  const found: Violation[] = [];
  for (let from = 0; from < commands.length; from += 200) {
    const page = commands.slice(from, from + 200);
    const [answer] = await query<{ answer: { others?: Record<string, Replayed> } }>(
      `select holdfast.append_commands($1, holdfast.views_version(), 0, $2::text[], $3::text[], $3::text[], $4::int[],
         array_fill('{}'::text, array[$5::int]), array_fill('null'::text, array[$5::int]), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
         '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', null) as answer`,
      [
        tenant,
        page.map(({ id }) => id),
        page.map(({ hash }) => hash),
        page.map(({ first, last }) => last - first + 1),
        page.length,
      ],
    ).catch((error: unknown) => {
      found.push(wrong(`sending commands again fails: ${error instanceof Error ? error.message : String(error)}`));
      return [];
    });
    for (const [index, { id, first, last, result }] of page.entries()) {
      const told = answer?.answer.others?.[String(index + 1)];
      if (
        answer &&
        (told?.outcome !== 'replayed' ||
          !told.same_body ||
          told.first !== first ||
          told.last !== last ||
          told.result !== result)
      )
        found.push({
          kind: 'duplicated',
          what: `command ${id} sent again is not answered by its first receipt`,
          about: [id],
        });
    }
  }
  return found;
};

interface Replayed {
  readonly outcome: string;
  readonly same_body: boolean;
  readonly first: number;
  readonly last: number;
  readonly result: string;
}

/** I12: PostgreSQL's own checks of tables and indexes find nothing. Needs the extension amcheck. */
export const storageIsSound: Invariant = async ({ query }) => {
  const relations = await query<{ name: string; kind: string }>(
    `select c.oid::regclass::text as name, c.relkind as kind from pg_class c left join pg_index i on i.indexrelid = c.oid
     left join pg_am a on a.oid = c.relam
     where c.relnamespace = 'holdfast'::regnamespace and (c.relkind = 'r' or c.relkind = 'i' and a.amname = 'btree' and i.indisvalid)`,
  );
  const found: Violation[] = [];
  for (const { name, kind } of relations) {
    const sql =
      kind === 'r'
        ? `select string_agg(msg, '; ') as problem from verify_heapam($1::regclass)`
        : `select bt_index_check($1::regclass, true)::text as problem`;
    const [row] = await query<{ problem: string | null }>(sql, [name]).catch((error: unknown) => [
      { problem: error instanceof Error ? error.message : String(error) },
    ]);
    if (row?.problem) found.push(wrong(`${name}: ${row.problem}`));
  }
  if (relations.length < 10) found.push(wrong(`only ${relations.length} tables and indexes were found`));
  return found;
};

/** Quotes an identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
