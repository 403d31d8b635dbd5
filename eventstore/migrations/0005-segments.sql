-- The ledger of archived segments: which files hold the positions that were deleted from the event table (docs/segments.md).
create table holdfast.segment (
  tenant      int not null,
  from_pos    bigint not null,
  to_pos      bigint not null,
  sha256      bytea not null,
  location    text not null,
  events      bigint not null,
  created_at  timestamptz not null default clock_timestamp(),
  primary key (tenant, from_pos)
);
call holdfast.secure_table('segment');

-- While a log is imported nobody finds its tenant and appends are refused: half a log is no log to work on.
alter table holdfast.tenant drop constraint tenant_state_check;
alter table holdfast.tenant add constraint tenant_state_check check (state in ('active', 'importing', 'dropping', 'dropped'));
