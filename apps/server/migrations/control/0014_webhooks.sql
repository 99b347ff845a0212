create sequence webhooks_id_seq as integer;
create table webhooks (
  id integer primary key default nextval('webhooks_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  organisation_id integer not null references organisations on delete cascade,
  -- Of an environment, or of the organisation.
  project_id integer references projects on delete cascade,
  environment_id integer references environments on delete cascade,
  url text not null check (char_length(url) between 1 and 2000),
  enabled boolean not null default true,
  format text not null check (format in ('flagsmith', 'standard')),
  -- Encrypted; the former one signs too until the receiver has had time to change.
  sealed_secret text,
  sealed_former_secret text,
  former_secret_until timestamptz,
  -- Why the platform turned it off.
  disabled_reason text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((project_id is null) = (environment_id is null))
);
create index webhooks_by_organisation on webhooks (organisation_id, id);
create index webhooks_by_environment on webhooks (environment_id, id) where environment_id is not null;
comment on table webhooks is 'configuration: addresses that are told of changes';
call guard_configuration('webhooks');

create sequence webhook_deliveries_id_seq;
create table webhook_deliveries (
  id bigint primary key default nextval('webhook_deliveries_id_seq'),
  -- What receivers know it by, however often it is sent.
  uuid uuid not null unique default gen_random_uuid(),
  webhook_id integer not null references webhooks on delete cascade,
  change_id bigint not null references changes,
  environment_id integer,
  event_type text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
  -- Written at the first attempt and the same in all others.
  body text,
  -- [{ at, milliseconds, status, error }], and the last response.
  attempts jsonb not null default '[]' check (jsonb_typeof(attempts) = 'array'),
  response text,
  first_attempt_at timestamptz,
  next_attempt_at timestamptz not null default clock_timestamp(),
  leased_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);
create index webhook_deliveries_waiting on webhook_deliveries (webhook_id, id) where state = 'pending';
create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, id desc);
create index webhook_deliveries_by_age on webhook_deliveries (finished_at) where state <> 'pending';
comment on table webhook_deliveries is 'operational: what was, or is to be, sent to webhooks';
