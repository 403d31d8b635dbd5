-- Words of a reply while the model writes it, for whoever looks on. The reply's truth is its event: rows go when the turn has ended, and an
-- unlogged table may lose them in a crash of the server. `attempt` counts the calls of one step that wrote anything, `seq` the rows of one.
create unlogged table holdfast.text_chunk (
  tenant      int not null,
  turn        text collate "C" not null,
  step        int not null,
  attempt     int not null,
  seq         int not null,
  content     text not null,
  subjects    text[] collate "C" not null,
  written_at  timestamptz not null default clock_timestamp(),
  primary key (tenant, turn, step, attempt, seq)
);
call holdfast.secure_table('text_chunk');

-- Gives the attempt, which the first row of a call leaves open; null when a subject was forgotten since `p_read_at`: then nothing is kept.
-- Whoever forgets holds the rows of its keys until it has cleared these rows, so ours come before, and go, or not at all.
create function holdfast.put_text_chunk(
  p_tenant int, p_turn text, p_step int, p_attempt int, p_seq int, p_content text, p_subjects text[], p_read_at bigint
) returns int
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_attempt int := p_attempt;
begin
  perform holdfast.hold_tenant(p_tenant); -- eventstore/migrations/0008-tenants.sql
  perform from holdfast.subject_key k where k.tenant = p_tenant and k.subject = any (p_subjects collate "C") for share;
  if holdfast.subjects_forgotten_at(p_subjects) > p_read_at then return null; end if;
  if v_attempt is null then
    select coalesce(max(c.attempt), 0) + 1 into v_attempt
    from holdfast.text_chunk c where c.tenant = p_tenant and c.turn = p_turn collate "C" and c.step = p_step;
  end if;
  insert into holdfast.text_chunk (tenant, turn, step, attempt, seq, content, subjects)
    values (p_tenant, p_turn, p_step, v_attempt, p_seq, p_content, p_subjects)
    on conflict (tenant, turn, step, attempt, seq) do nothing;
  return v_attempt;
end $$;

-- Deletes the rows of one turn; with null, those of every turn that has ended or has written nothing for a day.
create function holdfast.trim_text_chunks(p_tenant int, p_turn text) returns int
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_rows int;
begin
  perform set_config('holdfast.tenant', p_tenant::text, true);
  delete from holdfast.text_chunk c
  where c.tenant = p_tenant
    and case when p_turn is not null then c.turn = p_turn collate "C"
        else c.written_at < clock_timestamp() - interval '1 day'
          or exists (select from holdfast.turn_end e where e.tenant = p_tenant and e.turn = c.turn) end;
  get diagnostics v_rows = row_count;
  return v_rows;
end $$;

revoke all on function holdfast.put_text_chunk(int, text, int, int, int, text, text[], bigint) from public;
revoke all on function holdfast.trim_text_chunks(int, text) from public;
grant execute on function holdfast.put_text_chunk(int, text, int, int, int, text, text[], bigint) to holdfast_app;
grant execute on function holdfast.trim_text_chunks(int, text) to holdfast_app;
