create sequence organisations_id_seq as integer;
create table organisations (
  id integer primary key default nextval('organisations_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  name text not null check (char_length(name) between 1 and 2000),
  webhook_notification_email text,
  persist_trait_data boolean not null default true,
  stop_serving_flags boolean not null default false,
  feature_analytics boolean not null default false,
  force_2fa boolean not null default false,
  restrict_project_create_to_admin boolean not null default false,
  created_at timestamptz not null,
  deleted_at timestamptz
);
comment on table organisations is 'configuration: tenants';
call guard_configuration('organisations', 'organisation', organisation => 'id');

create sequence users_id_seq as integer;
create table users (
  id integer primary key default nextval('users_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  email text not null unique check (email = lower(email)),
  password_hash text not null,
  first_name text not null,
  last_name text not null,
  sign_up_type text,
  marketing_consent_given boolean not null default false,
  is_active boolean not null default true,
  is_superuser boolean not null default false,
  signed_in_at timestamptz,
  created_at timestamptz not null
);
comment on table users is 'configuration: people who sign in';
call guard_configuration('users');

create table organisation_members (
  organisation_id integer not null references organisations,
  user_id integer not null references users on delete cascade,
  role text not null check (role in ('ADMIN', 'USER')),
  joined_at timestamptz not null,
  primary key (organisation_id, user_id)
);
create index organisation_members_by_user on organisation_members (user_id);
comment on table organisation_members is 'configuration: who belongs to which organisation, and as what';
call guard_configuration('organisation_members');

create table user_tokens (
  token_hash bytea primary key,
  user_id integer not null references users on delete cascade,
  created_at timestamptz not null
);
create index user_tokens_by_user on user_tokens (user_id);
comment on table user_tokens is 'operational: sign-ins, each token as its SHA-256';

-- Present while the installation waits for its first administrator.
create table setup_tokens (
  token_hash bytea primary key,
  created_at timestamptz not null
);
comment on table setup_tokens is 'operational: the one-time set-up link, as its SHA-256';

create sequence master_api_keys_id_seq as integer;
create table master_api_keys (
  id integer primary key default nextval('master_api_keys_id_seq'),
  organisation_id integer not null references organisations,
  prefix text not null unique,
  hashed_key bytea not null,
  name text not null check (char_length(name) between 1 and 50),
  is_admin boolean not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_by integer references users on delete set null,
  created_at timestamptz not null,
  deleted_at timestamptz
);
create index master_api_keys_by_organisation on master_api_keys (organisation_id);
comment on table master_api_keys is 'configuration: keys for machines, each as its SHA-256';
call guard_configuration('master_api_keys');

create sequence projects_id_seq as integer;
create table projects (
  id integer primary key default nextval('projects_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  organisation_id integer not null references organisations,
  name text not null check (char_length(name) between 1 and 2000),
  hide_disabled_flags boolean not null default false,
  prevent_flag_defaults boolean not null default false,
  enforce_feature_owners boolean not null default false,
  only_allow_lower_case_feature_names boolean not null default true,
  feature_name_regex text,
  enable_realtime_updates boolean not null default true,
  stale_flags_limit_days integer not null default 30,
  minimum_change_request_approvals integer,
  created_at timestamptz not null,
  -- The instant of the project's last edit; the next one is strictly later. Not part of any document.
  changed_at timestamptz not null,
  deleted_at timestamptz
);
create unique index projects_by_name on projects (organisation_id, name) where deleted_at is null;
comment on table projects is 'configuration: products';
call guard_configuration('projects', 'project', 'organisation_id', 'id');

create sequence environments_id_seq as integer;
create table environments (
  id integer primary key default nextval('environments_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  name text not null check (char_length(name) between 1 and 2000),
  description text check (char_length(description) <= 20000),
  api_key text not null unique check (char_length(api_key) between 1 and 100 and api_key not like 'ser.%'),
  minimum_change_request_approvals integer,
  allow_client_traits boolean not null default true,
  banner_text text check (char_length(banner_text) <= 255),
  banner_colour text check (char_length(banner_colour) <= 7),
  hide_disabled_flags boolean,
  use_identity_composite_key_for_hashing boolean not null default true,
  hide_sensitive_data boolean not null default false,
  use_identity_overrides_in_local_eval boolean not null default true,
  created_at timestamptz not null,
  deleted_at timestamptz
);
create unique index environments_by_name on environments (project_id, name) where deleted_at is null;
comment on table environments is 'configuration: stages of a project';
call guard_configuration('environments', 'environment', '', 'project_id', 'id');

-- Raised by every change that touches the environment, in the transaction that makes it.
create table environment_revisions (
  environment_id integer primary key references environments,
  revision bigint not null,
  -- When the document last changed, when it did before that, and the last change that SDK streams were told of.
  updated_at timestamptz not null,
  previous_updated_at timestamptz,
  streamed_at timestamptz not null
);
comment on table environment_revisions is 'operational: counts the changes of each environment';

create sequence environment_api_keys_id_seq as integer;
create table environment_api_keys (
  id integer primary key default nextval('environment_api_keys_id_seq'),
  environment_id integer not null references environments,
  key text not null unique check (key like 'ser.%'),
  name text not null check (char_length(name) between 1 and 100),
  active boolean not null default true,
  expires_at timestamptz,
  created_at timestamptz not null
);
create index environment_api_keys_by_environment on environment_api_keys (environment_id);
comment on table environment_api_keys is 'configuration: server-side SDK keys';
call guard_configuration('environment_api_keys');
