-- A store of its own, perhaps on a server of its own and perhaps sharded by bucket: no reference, join or transaction to the control store.
create table identities (
  environment_id integer not null,
  -- The low ten bits of the id: the distribution column.
  bucket smallint not null check (bucket between 0 and 1023),
  identifier text collate "C" not null check (octet_length(identifier) <= 2000),
  -- A frozen hash of environment and identifier, made by the server.
  id bigint not null,
  traits jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (environment_id, identifier, bucket)
) with (fillfactor = 85);
-- Without the bucket, which the id implies: beside it, the planner would take this index for lookups by identifier.
create index identities_by_id on identities (environment_id, id);
comment on table identities is 'identity: who uses the customers'' products, with their traits';
