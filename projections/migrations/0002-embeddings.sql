-- Vectors are derived data keyed by what was embedded and by which model: a rebuild of views costs no embedding call, and two
-- models can stand side by side. `code` holds the sign bits for a first pass; `vector` is little-endian float32, unit length.
-- `subjects` are those of the events that the text was embedded for, so that the vectors of a forgotten subject are found, also those of
-- texts that never became an event.
create table holdfast.embedding (
  tenant     int not null,
  model      text collate "C" not null,
  text_hash  text collate "C" not null,
  code       varbit not null,
  vector     bytea not null,
  subjects   text[] collate "C" not null,
  primary key (tenant, model, text_hash)
);
create index embedding_subjects on holdfast.embedding using gin (subjects);
call holdfast.secure_table('embedding');

-- p_subjects: whom the texts are about; p_read_at: the position they were derived from. Vectors about a subject that was forgotten since are
-- not stored: whoever forgets holds the rows of its keys until it has cleared the vectors, so ours come before, and go, or not at all.
create function holdfast.put_embeddings(
  p_tenant int, p_model text, p_hashes text[], p_codes text[], p_vectors bytea[], p_subjects text[], p_read_at bigint
) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- Derived data: who commits next takes it to the disk, and what a crash of the server loses before is derived again.
  perform set_config('synchronous_commit', 'off', true);
  perform holdfast.hold_tenant(p_tenant); -- 0008-tenants.sql
  perform from holdfast.subject_key k where k.tenant = p_tenant and k.subject = any (p_subjects collate "C") for share;
  if holdfast.subjects_forgotten_at(p_subjects) > p_read_at then return; end if;
  insert into holdfast.embedding as t (tenant, model, text_hash, code, vector, subjects)
    select distinct on (e.hash) p_tenant, p_model, e.hash, e.code::varbit, e.vector, p_subjects
    from unnest(p_hashes, p_codes, p_vectors) as e (hash, code, vector) order by e.hash
    on conflict (tenant, model, text_hash) do update
      set subjects = array(select distinct s from unnest(t.subjects || excluded.subjects) as s order by s)
      where not t.subjects @> excluded.subjects;
end $$;
revoke all on function holdfast.put_embeddings(int, text, text[], text[], bytea[], text[], bigint) from public;
grant execute on function holdfast.put_embeddings(int, text, text[], text[], bytea[], text[], bigint) to holdfast_app;
