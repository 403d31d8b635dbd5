-- The tenant log (docs/architecture.md, "The log"). Every key leads with the tenant; text keys use collation "C" so that
-- an ICU upgrade can never corrupt an index. No sequence hands out positions: the head row does, under its lock.

create table holdfast.tenant (
  no          int generated always as identity primary key,
  id          text collate "C" not null unique,
  state       text not null default 'active' check (state in ('active', 'dropping', 'dropped')),
  -- Quota: an append that would pass it is refused; null = no bound. Bytes are those of data, meta and results as sent.
  max_events  bigint,
  max_bytes   bigint,
  created_at  timestamptz not null default clock_timestamp()
);

-- One hot row per log. `base` is the last archived position (0 = nothing archived): density is base+1 .. position.
create table holdfast.log_head (
  tenant    int primary key references holdfast.tenant (no),
  position  bigint not null default 0,
  base      bigint not null default 0,
  streams   bigint not null default 0,
  bytes     bigint not null default 0,
  last_at   timestamptz not null default '-infinity',
  chain     bytea not null default '\x'
) with (fillfactor = 30);

create table holdfast.stream (
  tenant   int not null,
  no       bigint not null,
  name     text collate "C" not null,
  version  bigint not null,
  sealed   boolean not null default false,
  primary key (tenant, no),
  unique (tenant, name)
) with (fillfactor = 70);

-- `data` is json, not jsonb: its exact text is the record (NUL and lone surrogates survive, the chain hashes these bytes).
create table holdfast.event (
  tenant          int not null,
  position        bigint not null,
  stream          bigint not null,
  version         bigint not null,
  type            text collate "C" not null,
  schema_version  smallint not null,
  subjects        text[],
  recorded_at     timestamptz not null,
  data            json not null,
  primary key (tenant, position),
  unique (tenant, stream, version)
);

-- Idempotency: one row per accepted command, kept as long as the log. `result` is what the caller stored as its own answer.
create table holdfast.command (
  tenant          int not null,
  id              text collate "C" not null,
  body_hash       bytea not null,
  first_position  bigint not null,
  last_position   bigint not null,
  recorded_at     timestamptz not null,
  chain           bytea not null,
  meta            json not null,
  result          json not null,
  primary key (tenant, id)
);
create unique index command_position on holdfast.command (tenant, last_position);

-- Keys of personal fields, one at a time per (tenant, subject). Forgetting the subject at a position of the log sets
-- `wrapped` to null; what is said about the subject later gets the next number.
create table holdfast.subject_key (
  tenant        int not null,
  subject       text collate "C" not null,
  no            int not null,
  wrapped       bytea,
  kek_id        text,
  created_at    timestamptz not null default clock_timestamp(),
  destroyed_at  timestamptz,
  forgotten_at  bigint,
  primary key (tenant, subject, no)
);

-- Which view definitions the tables of this database were built from (schema drift = another definition in the code).
create table holdfast.view_definition (
  name        text collate "C" primary key,
  projection  text not null,
  hash        text not null,
  built_at    timestamptz not null default clock_timestamp()
);

-- The tenant of the current transaction. A transaction-local setting reads as '' after its transaction: nullif fails closed.
create function holdfast.current_tenant() returns int
  language sql stable parallel safe
  as $$ select nullif(current_setting('holdfast.tenant', true), '')::int $$;

-- Forces row-level security on a table: owners included, no tenant = no rows.
create procedure holdfast.secure_table(p_table text)
  language plpgsql as $$
begin
  execute format('alter table holdfast.%I enable row level security', p_table);
  execute format('alter table holdfast.%I force row level security', p_table);
  execute format('create policy own_tenant on holdfast.%I using (tenant = (select holdfast.current_tenant())) '
                 'with check (tenant = (select holdfast.current_tenant()))', p_table);
  execute format('grant select on holdfast.%I to holdfast_app', p_table);
end $$;

call holdfast.secure_table('log_head');
call holdfast.secure_table('stream');
call holdfast.secure_table('event');
call holdfast.secure_table('command');
call holdfast.secure_table('subject_key');
revoke select on holdfast.subject_key from holdfast_app;
grant select on holdfast.view_definition to holdfast_app;

-- Filled by `migrate` from the registered projections; a log without projections applies nothing.
create function holdfast.apply_views(p_tenant int, p_first bigint, p_operations jsonb) returns void
  language plpgsql as $$ begin end $$;

-- Gives the number of a tenant, or null. A definer function: the tenant table itself is closed to the application role.
create function holdfast.find_tenant(p_id text) returns int
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$ select no from holdfast.tenant where id = p_id and state = 'active' $$;

-- Creates a tenant with its log head; a second call with the same id gives the first number.
create function holdfast.create_tenant(p_id text) returns int
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_no int;
begin
  insert into holdfast.tenant (id) values (p_id) on conflict (id) do nothing returning no into v_no;
  if v_no is null then
    return (select no from holdfast.tenant where id = p_id and state = 'active');
  end if;
  perform set_config('holdfast.tenant', v_no::text, true);
  insert into holdfast.log_head (tenant) values (v_no);
  return v_no;
end $$;

-- SHA-256 of a list of texts. Each is prefixed with its length in characters, so no two different lists hash alike; null is "-".
create function holdfast.digest(variadic p_parts text[]) returns bytea
  language sql immutable set search_path = pg_catalog, pg_temp
  as $$ select sha256(convert_to(string_agg(coalesce(length(part) || ':' || part, '-'), '' order by ordinal), 'UTF8'))
        from unnest(p_parts) with ordinality as p (part, ordinal) $$;

-- A time as whole microseconds of the epoch: the same text in every time zone.
create function holdfast.microseconds(p_at timestamptz) returns text
  language sql immutable set search_path = pg_catalog, pg_temp
  as $$ select (extract(epoch from p_at) * 1000000)::bigint::text $$;

-- append_commands: the one write path. Judges each command in order and gives one outcome per command:
--   accepted | replayed {same_body} | conflict {stream, expected, actual} | sealed {stream}
-- A rejected command changes nothing and does not fail its neighbours. The calling statement is the transaction.
--
-- p_commands [{id, hash (hex), n (number of events),
--              streams [{name, expect (>= 0 exact, -1 any, -2 some), seal}],
--              events [{s (index into streams), type, v, subjects}]}]
-- p_data     exact JSON text of each event, all commands in order; never opened here
-- p_meta, p_results  one exact JSON text per command
-- p_operations  one object of view operations per command, positions relative to the command's first event
create function holdfast.append_commands(
  p_tenant int, p_commands jsonb, p_data text[], p_meta text[], p_results text[], p_operations jsonb[]
) returns json
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_head      holdfast.log_head;
  v_known     holdfast.command;
  v_command   jsonb;
  v_problem   jsonb;
  v_stream    record;
  v_streams   bigint[];
  v_versions  bigint[];
  v_first     bigint;
  v_count     int;
  v_at        timestamptz;
  v_offset    int := 0;
  v_index     int := 0;
  v_locked    boolean := false;
  v_outcomes  jsonb := '[]';
begin
  -- 40001 would end a wait for the head under stricter levels, after which "any version" could conflict.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append needs READ COMMITTED, the transaction is %', current_setting('transaction_isolation')
      using errcode = 'HF001';
  end if;
  perform set_config('holdfast.tenant', p_tenant::text, true);

  for v_command in select value from jsonb_array_elements(p_commands) loop
    v_index := v_index + 1;
    v_count := (v_command ->> 'n')::int;
    v_problem := null;

    -- A pure replay is answered without the lock, so retries add no contention to the log.
    select * into v_known from holdfast.command where tenant = p_tenant and id = v_command ->> 'id';
    if not found and not v_locked then
      select * into v_head from holdfast.log_head where tenant = p_tenant for update;
      if not found then
        raise exception 'tenant number % has no log', p_tenant using errcode = 'HF002';
      end if;
      v_locked := true;
      -- READ COMMITTED: this statement sees what committed while we waited for the head.
      select * into v_known from holdfast.command where tenant = p_tenant and id = v_command ->> 'id';
    end if;
    if v_known.id is not null then
      v_outcomes := v_outcomes || jsonb_build_object('outcome', 'replayed',
        'same_body', v_known.body_hash = decode(v_command ->> 'hash', 'hex'),
        'first', v_known.first_position, 'last', v_known.last_position, 'at', v_known.recorded_at,
        'result', v_known.result::text);
      v_offset := v_offset + v_count;
      continue;
    end if;

    -- Judge the streams; collect their numbers and versions.
    v_streams := '{}';
    v_versions := '{}';
    for v_stream in
      select w.name, w.expect, w.seal, s.no, coalesce(s.version, 0) as version, coalesce(s.sealed, false) as sealed
      from rows from (jsonb_to_recordset(v_command -> 'streams') as (name text, expect bigint, seal boolean))
        with ordinality as w (name, expect, seal, ordinal)
      left join holdfast.stream s on s.tenant = p_tenant and s.name = w.name collate "C"
      order by w.ordinal
    loop
      if v_problem is null and v_stream.sealed then
        v_problem := jsonb_build_object('outcome', 'sealed', 'stream', v_stream.name, 'actual', v_stream.version);
      elsif v_problem is null
        and ((v_stream.expect >= 0 and v_stream.version <> v_stream.expect)
          or (v_stream.expect = -2 and v_stream.version = 0)) then
        v_problem := jsonb_build_object('outcome', 'conflict', 'stream', v_stream.name,
          'expected', v_stream.expect, 'actual', v_stream.version);
      end if;
      v_streams := v_streams || v_stream.no;
      v_versions := v_versions || v_stream.version;
    end loop;
    if v_problem is not null then
      v_outcomes := v_outcomes || v_problem;
      v_offset := v_offset + v_count;
      continue;
    end if;

    -- New streams get the next numbers of this log.
    for i in 1 .. cardinality(v_streams) loop
      if v_streams[i] is null then
        v_head.streams := v_head.streams + 1;
        v_streams[i] := v_head.streams;
        insert into holdfast.stream (tenant, no, name, version)
          values (p_tenant, v_head.streams, v_command -> 'streams' -> (i - 1) ->> 'name', 0);
      end if;
    end loop;

    v_first := v_head.position + 1;
    v_at := greatest(clock_timestamp(), v_head.last_at);
    insert into holdfast.event (tenant, position, stream, version, type, schema_version, subjects, recorded_at, data)
      select p_tenant, v_head.position + e.ordinal, v_streams[e.s + 1],
             v_versions[e.s + 1] + row_number() over (partition by e.s order by e.ordinal),
             e.type, e.v, e.subjects, v_at, p_data[v_offset + e.ordinal]::json
      from rows from (jsonb_to_recordset(v_command -> 'events') as (s int, type text, v smallint, subjects text[]))
        with ordinality as e (s, type, v, subjects, ordinal);
    update holdfast.stream t
      set version = t.version + c.added, sealed = c.seal
      from (select v_streams[w.ordinal] as no, coalesce(w.seal, false) as seal,
                   (select count(*) from jsonb_array_elements(v_command -> 'events') x
                     where (x ->> 's')::int = w.ordinal - 1) as added
            from rows from (jsonb_to_recordset(v_command -> 'streams') as (seal boolean))
              with ordinality as w (seal, ordinal)) c
      where t.tenant = p_tenant and t.no = c.no;
    v_head.position := v_head.position + v_count;
    v_head.last_at := v_at;
    -- Ciphertext of personal fields is hashed as stored, so the chain still proves the log after a subject was forgotten.
    v_head.chain := sha256(v_head.chain
      || holdfast.digest(v_command ->> 'id', holdfast.microseconds(v_at), p_meta[v_index], p_results[v_index])
      || (select string_agg(holdfast.digest(e.position::text, s.name, e.version::text, e.type, e.schema_version::text,
                   holdfast.microseconds(e.recorded_at), array_to_json(e.subjects)::text, e.data::text), null order by e.position)
          from holdfast.event e join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream
          where e.tenant = p_tenant and e.position between v_first and v_head.position));
    insert into holdfast.command (tenant, id, body_hash, first_position, last_position, recorded_at, chain, meta, result)
      values (p_tenant, v_command ->> 'id', decode(v_command ->> 'hash', 'hex'), v_first, v_head.position, v_at,
              v_head.chain, p_meta[v_index]::json, p_results[v_index]::json);
    perform holdfast.apply_views(p_tenant, v_first, p_operations[v_index]);
    v_outcomes := v_outcomes || jsonb_build_object('outcome', 'accepted', 'first', v_first, 'last', v_head.position,
      'at', v_at);
    v_offset := v_offset + v_count;
  end loop;

  if v_locked then
    update holdfast.log_head
      set position = v_head.position, streams = v_head.streams, last_at = v_head.last_at, chain = v_head.chain
      where tenant = p_tenant and position <> v_head.position;
  end if;
  return v_outcomes;
end $$;

revoke all on all routines in schema holdfast from public;
grant execute on function holdfast.current_tenant() to holdfast_app;
grant execute on function holdfast.find_tenant(text) to holdfast_app;
grant execute on function holdfast.append_commands(int, jsonb, text[], text[], text[], jsonb[]) to holdfast_app;
