-- What percentages are hashed with while the client-side key changes: the key the environment had when this was null.
alter table environments add column hash_key text;

create table former_client_keys (
  key text primary key,
  environment_id integer not null references environments on delete cascade,
  works_until timestamptz not null,
  created_at timestamptz not null
);
create index former_client_keys_by_environment on former_client_keys (environment_id);
comment on table former_client_keys is 'configuration: client-side keys that were replaced and still work for a while';
call guard_configuration('former_client_keys');
