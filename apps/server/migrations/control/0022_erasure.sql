-- Changes about one of the customers' people name them by a pseudonym, and hold what is personal encrypted with a key of its own.
-- Erasing somebody destroys the key: the record stays as it is, and nobody can read any more whom it was about.
create table identity_keys (
  pseudonym text primary key default gen_random_uuid()::text,
  environment_id integer not null,
  identity_id bigint not null,
  identifier text collate "C" not null,
  -- Encrypted with the installation's key. Destroyed as soon as erasing is asked for; the row goes when the rest is erased too.
  sealed_key text,
  erased_at timestamptz,
  check ((sealed_key is null) = (erased_at is not null))
);
create unique index identity_keys_in_use on identity_keys (environment_id, identifier) where sealed_key is not null;
create index identity_keys_by_identity on identity_keys (environment_id, identity_id);
comment on table identity_keys is 'operational: what changes about identities are encrypted with';

-- What an erasure looks for.
create index changes_about_identities on changes ((coalesce(after #>> '{personal,of}', before #>> '{personal,of}')))
  where coalesce(after #>> '{personal,of}', before #>> '{personal,of}') is not null;
create index webhook_deliveries_by_change on webhook_deliveries (change_id);
create index sdk_events_by_identifier on sdk_events (environment_id, identifier) where identifier is not null;
