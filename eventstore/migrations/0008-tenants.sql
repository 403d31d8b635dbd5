-- Tenants come and go: what each uses, and how one is dropped (drop-tenant.ts) while others work. Owner role only.

-- Sets the tenant of the transaction and keeps it from being dropped until the transaction ends. For every function that writes rows
-- of a tenant without holding its log's head; appends need it not, dropping a tenant takes their head away. An advisory lock: it
-- costs no write, and its readers do not wait for each other.
create function holdfast.hold_tenant(p_tenant int) returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock_shared(1751805284, p_tenant);
  -- READ COMMITTED: sees what committed while we waited for the lock.
  if not exists (select from holdfast.tenant t where t.no = p_tenant and t.state = 'active') then
    raise exception 'tenant number % has no log', p_tenant using errcode = 'HF002';
  end if;
  perform set_config('holdfast.tenant', p_tenant::text, true);
end $$;

-- First step of dropping a tenant, in one transaction: waits for whoever writes, then nobody finds its log any more, and personal
-- data in it can no longer be read by anybody. Gives its number, or null when there is no such tenant. Safe to repeat.
create function holdfast.begin_drop_tenant(p_id text) returns int
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_no int := (select t.no from holdfast.tenant t where t.id = p_id collate "C");
begin
  if v_no is null then return null; end if;
  perform set_config('holdfast.tenant', v_no::text, true);
  -- Appends first: one of a caller's transaction may hold the head and want the other lock next.
  perform from holdfast.log_head where tenant = v_no for update;
  perform pg_advisory_xact_lock(1751805284, v_no);
  update holdfast.tenant t set state = 'dropping' where t.no = v_no and t.state <> 'dropped';
  delete from holdfast.subject_key where tenant = v_no;
  delete from holdfast.log_head where tenant = v_no;
  return v_no;
end $$;

-- What each tenant has and may have. Row-level security shows one log at a time, to the owner too.
create function holdfast.tenant_usage()
  returns table (id text, state text, created_at timestamptz, max_events bigint, max_bytes bigint, events bigint, bytes bigint, streams bigint)
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  v_tenant holdfast.tenant;
begin
  for v_tenant in select * from holdfast.tenant t order by t.id loop
    perform set_config('holdfast.tenant', v_tenant.no::text, true);
    return query
      select v_tenant.id::text, v_tenant.state, v_tenant.created_at, v_tenant.max_events, v_tenant.max_bytes,
             coalesce(h.position, 0), coalesce(h.bytes, 0), coalesce(h.streams, 0)
      from (values (1)) one left join holdfast.log_head h on h.tenant = v_tenant.no;
  end loop;
  perform set_config('holdfast.tenant', '', true);
end $$;

revoke all on function holdfast.hold_tenant(int) from public;
revoke all on function holdfast.begin_drop_tenant(text) from public;
revoke all on function holdfast.tenant_usage() from public;
