-- Consumers follow logs for effects outside of them (run-consumer.ts). Each has a place in every log, moved in the same transaction
-- as what its handler writes. The functions are called by the application role; they set `holdfast.tenant` themselves.

-- Consumers there are. The first process that names one decides where it begins in the logs that exist by then.
create table holdfast.consumer (
  name        text collate "C" primary key,
  created_at  timestamptz not null default clock_timestamp()
);

-- `fence` grows with every lease: whoever holds an older one can commit nothing any more. `attempts` counts failures at the events after
-- `position`. After a batch has failed, events up to `careful_until` are handled one by one, to find the one that fails.
create table holdfast.consumer_position (
  tenant         int not null,
  name           text collate "C" not null,
  position       bigint not null default 0,
  fence          bigint not null default 0,
  lease_owner    text,
  lease_until    timestamptz,
  served_at      timestamptz,
  attempts       int not null default 0,
  retry_at       timestamptz,
  careful_until  bigint not null default 0,
  last_error     text,
  stopped        boolean not null default false,
  primary key (tenant, name)
) with (fillfactor = 50);

-- Events that a consumer could not handle, and what people decided about them: [{action, actor, reason, at}].
create table holdfast.parked_event (
  tenant     int not null,
  consumer   text collate "C" not null,
  position   bigint not null,
  state      text not null default 'parked' check (state in ('parked', 'retry', 'skipped', 'handled')),
  attempts   int not null,
  error      text not null,
  parked_at  timestamptz not null default clock_timestamp(),
  decisions  jsonb not null default '[]',
  primary key (tenant, consumer, position)
);
create index parked_event_retry on holdfast.parked_event (consumer, tenant, position) where state = 'retry';

call holdfast.secure_table('consumer_position');
call holdfast.secure_table('parked_event');
revoke select on holdfast.consumer_position, holdfast.parked_event from holdfast_app;
-- As in 0007-rebuild.sql: the owner role sees all of them where it says so. No word of a tenant but what errors quote.
create policy every_tenant on holdfast.consumer_position to holdfast_owner
  using (current_setting('holdfast.every_tenant', true) = 'on');
create policy every_tenant on holdfast.parked_event to holdfast_owner
  using (current_setting('holdfast.every_tenant', true) = 'on');

-- Leases up to p_limit logs that have something to do for a consumer, those that were served longest ago first. Logs whose row
-- somebody holds just now are passed over.
create function holdfast.claim_consumer(p_name text, p_owner text, p_lease_ms int, p_limit int, p_at_head boolean)
  returns table (tenant int, id text, fence bigint, "position" bigint, attempts int, careful_until bigint, redo bigint)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_log   record;
  v_row   holdfast.consumer_position;
  v_left  int := p_limit;
  v_now   timestamptz := clock_timestamp();
begin
  perform set_config('holdfast.every_tenant', 'on', true);
  if not exists (select from holdfast.consumer c where c.name = p_name collate "C") then
    insert into holdfast.consumer (name) values (p_name) on conflict do nothing;
    if found and p_at_head then
      insert into holdfast.consumer_position (tenant, name, position)
        select h.tenant, p_name, h.position from holdfast.log_head h join holdfast.tenant t on t.no = h.tenant
        where t.state = 'active' and h.position > 0;
    end if;
  end if;

  for v_log in
    select t.no, t.id, r.position as redo
    from holdfast.log_head h
    join holdfast.tenant t on t.no = h.tenant and t.state = 'active'
    left join holdfast.consumer_position c on c.tenant = h.tenant and c.name = p_name collate "C"
    left join lateral (
      select min(p.position) as position from holdfast.parked_event p
      where p.consumer = p_name collate "C" and p.tenant = h.tenant and p.state = 'retry' and p.position <= c.position) r on true
    where (r.position is not null or (h.position > coalesce(c.position, 0) and not coalesce(c.stopped, false)))
      and (c.lease_until is null or c.lease_until <= v_now)
      and (c.retry_at is null or c.retry_at <= v_now)
    order by c.served_at nulls first, t.no
    limit p_limit * 4
  loop
    exit when v_left = 0;
    -- Before the row, as everybody does: who holds a row never waits for a tenant that is being dropped.
    begin
      perform holdfast.hold_tenant(v_log.no);
    exception when sqlstate 'HF002' then
      continue;
    end;
    -- Only where there is none: beside a row that a sleeping process has moved and not committed, an insert would wait for it.
    if not exists (select from holdfast.consumer_position c where c.tenant = v_log.no and c.name = p_name collate "C") then
      insert into holdfast.consumer_position (tenant, name) values (v_log.no, p_name) on conflict do nothing;
    end if;
    select c.* into v_row from holdfast.consumer_position c
      where c.tenant = v_log.no and c.name = p_name collate "C" and (c.lease_until is null or c.lease_until <= v_now)
        and (c.retry_at is null or c.retry_at <= v_now)
      for update skip locked;
    continue when not found;
    update holdfast.consumer_position c
      set fence = c.fence + 1, lease_owner = p_owner, lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
      where c.tenant = v_log.no and c.name = p_name collate "C";
    v_left := v_left - 1;
    return query select v_log.no, v_log.id::text, v_row.fence + 1, v_row.position, v_row.attempts, v_row.careful_until, v_log.redo::bigint;
  end loop;
  perform set_config('holdfast.every_tenant', '', true);
end $$;

-- Makes a lease last longer; false when somebody else has taken over.
create function holdfast.renew_consumer(p_tenant int, p_name text, p_fence bigint, p_lease_ms int) returns boolean
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('holdfast.tenant', p_tenant::text, true);
  update holdfast.consumer_position c set lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
    where c.tenant = p_tenant and c.name = p_name collate "C" and c.fence = p_fence;
  return found;
end $$;

-- Begins the transaction that handles events after p_from: nobody can take the lease from here to its end.
create function holdfast.hold_consumer(p_tenant int, p_name text, p_fence bigint, p_from bigint) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform holdfast.hold_tenant(p_tenant);
  perform from holdfast.consumer_position c
    where c.tenant = p_tenant and c.name = p_name collate "C" and c.fence = p_fence and c.position = p_from for update;
  if not found then
    raise exception 'consumer % has lost its lease of tenant number %', p_name, p_tenant using errcode = 'HF010';
  end if;
end $$;

-- Ends it: everything up to p_to is done (or, with p_redo, one event that was parked before). A lease of null milliseconds is given back.
create function holdfast.move_consumer(p_tenant int, p_name text, p_fence bigint, p_from bigint, p_to bigint, p_redo bigint, p_lease_ms int)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if holdfast.current_tenant() is distinct from p_tenant then
    raise exception 'the handler of consumer % has left its tenant', p_name using errcode = 'HF011';
  end if;
  update holdfast.consumer_position c
    set position = p_to, attempts = 0, retry_at = null, last_error = null, served_at = clock_timestamp(), stopped = false,
        lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
    where c.tenant = p_tenant and c.name = p_name collate "C" and c.fence = p_fence and c.position = p_from;
  if not found then
    raise exception 'consumer % has lost its lease of tenant number %', p_name, p_tenant using errcode = 'HF010';
  end if;
  update holdfast.parked_event p set state = 'handled'
    where p.tenant = p_tenant and p.consumer = p_name collate "C" and p.state = 'retry'
      and (p.position = p_redo or p.position between p_from + 1 and p_to);
end $$;

-- Gives a lease back after a failure, to be tried again later; p_error null = nothing failed, nothing is counted.
-- A commit whose answer was lost may have moved the place from p_from: then nothing failed.
create function holdfast.release_consumer(p_tenant int, p_name text, p_fence bigint, p_from bigint, p_error text, p_retry_ms int,
    p_careful_until bigint)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('holdfast.tenant', p_tenant::text, true);
  update holdfast.consumer_position c
    set lease_until = null, served_at = clock_timestamp()
    where c.tenant = p_tenant and c.name = p_name collate "C" and c.fence = p_fence;
  update holdfast.consumer_position c
    set attempts = c.attempts + 1, last_error = p_error,
        retry_at = clock_timestamp() + p_retry_ms * interval '1 millisecond',
        careful_until = greatest(c.careful_until, p_careful_until)
    where c.tenant = p_tenant and c.name = p_name collate "C" and c.fence = p_fence and c.position = p_from and p_error is not null;
end $$;

-- Parks the event that fails again and again. The consumer stops before it (p_stop) or goes on after it.
create function holdfast.park_event(p_tenant int, p_name text, p_fence bigint, p_from bigint, p_position bigint, p_attempts int,
    p_error text, p_stop boolean) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform holdfast.hold_consumer(p_tenant, p_name, p_fence, p_from);
  insert into holdfast.parked_event as p (tenant, consumer, position, attempts, error)
    values (p_tenant, p_name, p_position, p_attempts, p_error)
    on conflict (tenant, consumer, position) do update
      set state = 'parked', attempts = p.attempts + excluded.attempts, error = excluded.error, parked_at = clock_timestamp();
  update holdfast.consumer_position c
    set lease_until = null, served_at = clock_timestamp(), attempts = 0, retry_at = null, last_error = p_error,
        stopped = p_stop and p_position > p_from,
        position = case when p_stop then c.position else greatest(c.position, p_position) end
    where c.tenant = p_tenant and c.name = p_name collate "C";
end $$;

-- What a person decides about a parked event: 'retry' or 'skip'. False when there is none that waits. Owner role only.
create function holdfast.decide_parked_event(p_tenant int, p_name text, p_position bigint, p_action text, p_actor text, p_reason text)
  returns boolean language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform holdfast.hold_tenant(p_tenant);
  -- The place first, as whoever handles events does.
  perform from holdfast.consumer_position c where c.tenant = p_tenant and c.name = p_name collate "C" for update;
  update holdfast.parked_event p
    set state = case p_action when 'skip' then 'skipped' else 'retry' end,
        decisions = p.decisions || jsonb_build_array(jsonb_build_object(
          'action', p_action, 'actor', p_actor, 'reason', p_reason, 'at', clock_timestamp()))
    where p.tenant = p_tenant and p.consumer = p_name collate "C" and p.position = p_position and p.state in ('parked', 'retry');
  if not found then return false; end if;
  -- A lease that is out, on an event that is to be tried again, must not end what is decided now.
  update holdfast.consumer_position c
    set stopped = false, retry_at = null, attempts = 0, fence = c.fence + 1, lease_until = null,
        position = case when p_action = 'skip' then p_position else c.position end
    where c.tenant = p_tenant and c.name = p_name collate "C" and c.position = p_position - 1;
  return true;
end $$;

revoke all on function holdfast.claim_consumer(text, text, int, int, boolean) from public;
revoke all on function holdfast.renew_consumer(int, text, bigint, int) from public;
revoke all on function holdfast.hold_consumer(int, text, bigint, bigint) from public;
revoke all on function holdfast.move_consumer(int, text, bigint, bigint, bigint, bigint, int) from public;
revoke all on function holdfast.release_consumer(int, text, bigint, bigint, text, int, bigint) from public;
revoke all on function holdfast.park_event(int, text, bigint, bigint, bigint, int, text, boolean) from public;
revoke all on function holdfast.decide_parked_event(int, text, bigint, text, text, text) from public;
grant execute on function holdfast.claim_consumer(text, text, int, int, boolean) to holdfast_app;
grant execute on function holdfast.renew_consumer(int, text, bigint, int) to holdfast_app;
grant execute on function holdfast.hold_consumer(int, text, bigint, bigint) to holdfast_app;
grant execute on function holdfast.move_consumer(int, text, bigint, bigint, bigint, bigint, int) to holdfast_app;
grant execute on function holdfast.release_consumer(int, text, bigint, bigint, text, int, bigint) to holdfast_app;
grant execute on function holdfast.park_event(int, text, bigint, bigint, bigint, int, text, boolean) to holdfast_app;
