-- Vectors are derived data keyed by what was embedded and by which model: a rebuild of views costs no embedding call, and two
-- models can stand side by side. `code` holds the sign bits for a first pass; `vector` is little-endian float32, unit length.
create table holdfast.embedding (
  tenant     int not null,
  model      text collate "C" not null,
  text_hash  text collate "C" not null,
  code       varbit not null,
  vector     bytea not null,
  primary key (tenant, model, text_hash)
);
call holdfast.secure_table('embedding');

create function holdfast.put_embeddings(p_tenant int, p_model text, p_hashes text[], p_codes text[], p_vectors bytea[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform set_config('holdfast.tenant', p_tenant::text, true);
  insert into holdfast.embedding (tenant, model, text_hash, code, vector)
    select p_tenant, p_model, e.hash, e.code::varbit, e.vector
    from unnest(p_hashes, p_codes, p_vectors) as e (hash, code, vector)
    on conflict do nothing;
end $$;
revoke all on function holdfast.put_embeddings(int, text, text[], text[], bytea[]) from public;
grant execute on function holdfast.put_embeddings(int, text, text[], text[], bytea[]) to holdfast_app;
