-- The ways to the keys of subjects (table subject_key, 0001). The table itself stays closed to the application role: a process gets
-- the wrapped keys of the subjects it asks for, of one tenant.

-- At most one key per subject is in use.
create unique index subject_key_in_use on holdfast.subject_key (tenant, subject) where wrapped is not null;

-- Wrapped keys of the current tenant by subject and number; `wrapped` is null when the key was destroyed, or left out on purpose when the
-- log was imported. STABLE: it sees what the
-- calling query sees, so events and their keys come from one snapshot.
create function holdfast.read_subject_keys(p_subjects text[], p_nos int[])
  returns table (subject text, no int, wrapped bytea, kek_id text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$
    select k.subject, k.no, k.wrapped, k.kek_id
    from unnest(p_subjects, p_nos) as w (subject, no)
    join holdfast.subject_key k
      on k.tenant = (select holdfast.current_tenant()) and k.subject = w.subject collate "C" and k.no = w.no
  $$;

-- The keys in use of these subjects; none for a subject that has none.
create function holdfast.find_subject_keys(p_tenant int, p_subjects text[])
  returns table (subject text, no int, wrapped bytea, kek_id text)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('holdfast.tenant', p_tenant::text, true);
  return query
    select k.subject::text, k.no, k.wrapped, k.kek_id
    from unnest(p_subjects) as w (subject)
    join holdfast.subject_key k on k.tenant = p_tenant and k.subject = w.subject collate "C" and k.wrapped is not null;
end $$;

-- Gives each subject that has no key in use the one that is offered. Of two who offer at once the first one wins, and both get its key.
create function holdfast.create_subject_keys(p_tenant int, p_subjects text[], p_wrapped bytea[], p_kek_id text)
  returns table (subject text, no int, wrapped bytea, kek_id text)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_offer record;
begin
  perform holdfast.hold_tenant(p_tenant); -- 0008-tenants.sql
  -- In one order for everybody, so that two who offer keys for the same subjects never wait for each other.
  for v_offer in
    select w.subject, w.wrapped from unnest(p_subjects, p_wrapped) as w (subject, wrapped) order by w.subject collate "C"
  loop
    insert into holdfast.subject_key (tenant, subject, no, wrapped, kek_id)
      select p_tenant, v_offer.subject, coalesce(max(k.no), 0) + 1, v_offer.wrapped, p_kek_id
      from holdfast.subject_key k where k.tenant = p_tenant and k.subject = v_offer.subject collate "C"
      having coalesce(bool_and(k.wrapped is null), true)
      on conflict do nothing;
  end loop;
  -- READ COMMITTED: sees what committed while an insert waited.
  return query select f.subject, f.no, f.wrapped, f.kek_id from holdfast.find_subject_keys(p_tenant, p_subjects) f;
end $$;

-- The last position at which one of these subjects of the current tenant was forgotten; 0 for never.
create function holdfast.subjects_forgotten_at(p_subjects text[]) returns bigint
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$
    select coalesce(max(k.forgotten_at), 0)
    from holdfast.subject_key k
    where k.tenant = (select holdfast.current_tenant()) and k.subject = any (p_subjects collate "C")
  $$;

revoke all on function holdfast.read_subject_keys(text[], int[]) from public;
revoke all on function holdfast.find_subject_keys(int, text[]) from public;
revoke all on function holdfast.create_subject_keys(int, text[], bytea[], text) from public;
revoke all on function holdfast.subjects_forgotten_at(text[]) from public;
grant execute on function holdfast.read_subject_keys(text[], int[]) to holdfast_app;
grant execute on function holdfast.find_subject_keys(int, text[]) to holdfast_app;
grant execute on function holdfast.create_subject_keys(int, text[], bytea[], text) to holdfast_app;
grant execute on function holdfast.subjects_forgotten_at(text[]) to holdfast_app;
