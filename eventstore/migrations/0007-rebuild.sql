-- Views are built beside the live ones and handed over (rebuild-views.ts): how far each log has been folded, and into what.
-- The application role sees none of this.

-- Which definitions the shadow tables are being filled for; no row = nothing is being built. A rebuild that was killed goes on
-- when it is still wanted, and begins again when something else is.
create table holdfast.rebuild_target (
  only_row    boolean primary key default true check (only_row),
  target      text not null,
  started_at  timestamptz not null default clock_timestamp()
);

-- `keys_gone` is how many keys of subjects had been destroyed when the first page was read: a subject that is forgotten while its
-- events are folded makes the fold of that log begin again, so that the shadow never holds what was forgotten.
create table holdfast.view_rebuild (
  tenant     int primary key,
  position   bigint not null default 0,
  keys_gone  bigint not null default 0
);
call holdfast.secure_table('view_rebuild');
revoke select on holdfast.view_rebuild from holdfast_app;

create index subject_key_gone on holdfast.subject_key (tenant) where wrapped is null;

-- Row-level security binds the owner role too. Finding the logs that have something to do would take one statement per tenant, so
-- where a session of the owner, or a function of its, says so, it sees the positions of all logs (and nothing else of them).
create policy every_tenant on holdfast.log_head for select to holdfast_owner
  using (current_setting('holdfast.every_tenant', true) = 'on');
create policy every_tenant on holdfast.view_rebuild to holdfast_owner
  using (current_setting('holdfast.every_tenant', true) = 'on');
