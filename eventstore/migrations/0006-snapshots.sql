-- Snapshots: how far a fold of a stream had come, so that the next fold need not begin at the first event. A cache and nothing else:
-- any row may be deleted at any time, and a row that does not fit is not read (fold-stream.ts).
create table holdfast.snapshot (
  tenant    int not null,
  stream    text collate "C" not null,
  -- Which fold: name, version, and the schema versions of the events it sees.
  fold      text collate "C" not null,
  -- The last event that is in the state.
  version   bigint not null,
  position  bigint not null,
  -- Chain of the command that holds that event: another chain is another log (a restored one that went on differently).
  chain     bytea not null,
  state     json not null,
  primary key (tenant, stream, fold)
);
call holdfast.secure_table('snapshot');

create index subject_key_forgotten on holdfast.subject_key (tenant, forgotten_at) where forgotten_at is not null;

-- Saves a snapshot unless a later one of this log is there, or a subject was forgotten since the events were read (`p_read_at`: the head
-- before the first of them). Forgetting deletes all snapshots while it holds the head: it has done so before we get the head, or it
-- finds what we wrote. Waits for the head for a second: a cache is not worth more.
create function holdfast.save_snapshot(
  p_tenant int, p_stream text, p_fold text, p_version bigint, p_position bigint, p_state text, p_read_at bigint
) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare
  v_head bigint;
begin
  perform set_config('holdfast.tenant', p_tenant::text, true);
  select position into v_head from holdfast.log_head where tenant = p_tenant for key share;
  if v_head is null then return; end if;
  -- READ COMMITTED: sees what committed while we waited for the head.
  if exists (select from holdfast.subject_key where tenant = p_tenant and forgotten_at > p_read_at) then return; end if;
  insert into holdfast.snapshot as t (tenant, stream, fold, version, position, chain, state)
    select p_tenant, p_stream, p_fold, p_version, p_position, c.chain, p_state::json
    from holdfast.command c where c.tenant = p_tenant and c.last_position >= p_position order by c.last_position limit 1
    on conflict (tenant, stream, fold) do update
      set version = excluded.version, position = excluded.position, chain = excluded.chain, state = excluded.state
      where t.version < excluded.version
        or t.chain is distinct from (
          select c.chain from holdfast.command c
          where c.tenant = t.tenant and c.last_position >= t.position order by c.last_position limit 1);
end $$;

revoke all on function holdfast.save_snapshot(int, text, text, bigint, bigint, text, bigint) from public;
grant execute on function holdfast.save_snapshot(int, text, text, bigint, bigint, text, bigint) to holdfast_app;
