create sequence tags_id_seq as integer;
create table tags (
  id integer primary key default nextval('tags_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  label text not null check (char_length(label) between 1 and 100),
  color text not null check (char_length(color) <= 10),
  description text check (char_length(description) <= 512),
  is_permanent boolean not null default false,
  is_system_tag boolean not null default false,
  type text not null default 'NONE' check (type in ('NONE', 'STALE', 'GITHUB', 'GITLAB', 'UNHEALTHY')),
  created_at timestamptz not null
);
create index tags_by_project on tags (project_id);
comment on table tags is 'configuration: labels on features';
call guard_configuration('tags');

create sequence features_id_seq as integer;
create table features (
  id integer primary key default nextval('features_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  name text not null check (char_length(name) between 1 and 2000),
  type text not null default 'STANDARD' check (type in ('STANDARD', 'MULTIVARIATE')),
  initial_value text check (char_length(initial_value) <= 20000),
  default_enabled boolean not null default false,
  description text,
  is_archived boolean not null default false,
  is_server_key_only boolean not null default false,
  created_at timestamptz not null,
  deleted_at timestamptz
);
create unique index features_by_name on features (project_id, lower(name)) where deleted_at is null;
create index features_by_project on features (project_id, id);
comment on table features is 'configuration: what can be on or off and carry a value';
call guard_configuration('features', 'feature', '', 'project_id');

create table feature_tags (
  feature_id integer not null references features,
  tag_id integer not null references tags on delete cascade,
  primary key (feature_id, tag_id)
);
create index feature_tags_by_tag on feature_tags (tag_id);
comment on table feature_tags is 'configuration: which features carry which tags';
call guard_configuration('feature_tags');

create table feature_owners (
  feature_id integer not null references features,
  user_id integer not null references users on delete cascade,
  primary key (feature_id, user_id)
);
comment on table feature_owners is 'configuration: who looks after which feature';
call guard_configuration('feature_owners');

create sequence variants_id_seq as integer;
create table variants (
  id integer primary key default nextval('variants_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  feature_id integer not null references features,
  key text check (char_length(key) between 1 and 255 and key <> 'control'),
  -- A string, an integer or a boolean.
  value jsonb,
  default_weight double precision not null check (default_weight between 0 and 100),
  created_at timestamptz not null
);
create unique index variants_by_key on variants (feature_id, key);
create index variants_by_feature on variants (feature_id, id);
comment on table variants is 'configuration: alternative values of a feature';
call guard_configuration('variants', 'variant', '', 'project_id');

create sequence segments_id_seq as integer;
create table segments (
  id integer primary key default nextval('segments_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  -- A segment made for one feature may override only that one.
  feature_id integer references features,
  name text not null check (char_length(name) between 1 and 2000),
  description text,
  rules jsonb not null check (jsonb_typeof(rules) = 'array'),
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz
);
create index segments_by_project on segments (project_id, id);
create index segments_by_feature on segments (feature_id);
comment on table segments is 'configuration: groups of identities';
call guard_configuration('segments', 'segment', '', 'project_id');

-- The place of a segment's override among those of a feature in an environment. The row outlives removal: adding it again gives back its id.
create sequence feature_segments_id_seq as integer;
create table feature_segments (
  id integer primary key default nextval('feature_segments_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  environment_id integer not null references environments,
  feature_id integer not null references features,
  segment_id integer not null references segments,
  -- Lower is stronger.
  priority integer not null check (priority >= 0),
  removed_at timestamptz,
  created_at timestamptz not null,
  unique (environment_id, feature_id, segment_id)
);
create index feature_segments_by_segment on feature_segments (segment_id);
comment on table feature_segments is 'configuration: order of segment overrides';
call guard_configuration('feature_segments', 'feature_segment', '', 'project_id', 'environment_id');

create sequence feature_versions_id_seq as integer;
create table feature_versions (
  id integer primary key default nextval('feature_versions_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  environment_id integer not null references environments,
  feature_id integer not null references features,
  number integer not null,
  live_from timestamptz not null,
  author_kind text not null,
  author_id integer,
  author_name text not null,
  comment text,
  unique (environment_id, feature_id, number)
);
comment on table feature_versions is 'configuration: one row per edit of a feature in an environment; what it changed is in document_history';
call guard_configuration('feature_versions');

-- Lineages: the row and its id outlive removal, so nobody is ever reshuffled. Every version of a row is kept in document_history.
create sequence feature_states_id_seq as integer;
create table feature_states (
  id integer primary key default nextval('feature_states_id_seq'),
  uuid uuid not null unique default gen_random_uuid(),
  project_id integer not null references projects,
  environment_id integer not null references environments,
  feature_id integer not null references features,
  -- Neither: the environment's default. One of them: an override. Identities are of another store: no reference.
  segment_id integer references segments,
  identifier text collate "C",
  enabled boolean not null,
  -- A string, an integer, a boolean or null.
  value jsonb,
  -- Weights of the feature's variants: [{ id, uuid, variant_id, weight }].
  variants jsonb not null default '[]' check (jsonb_typeof(variants) = 'array'),
  version integer not null default 1,
  -- The header of the version that wrote this; identity overrides have none.
  feature_version_id integer references feature_versions,
  live_from timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  removed_at timestamptz,
  check (segment_id is null or identifier is null),
  unique nulls not distinct (environment_id, feature_id, segment_id, identifier)
);
create index feature_states_by_feature on feature_states (feature_id, environment_id);
-- Of everything but identity overrides, of which there may be very many.
create index feature_states_of_environment on feature_states (environment_id, feature_id) where identifier is null;
create index feature_states_by_segment on feature_states (segment_id) where segment_id is not null;
create index feature_states_by_identifier on feature_states (environment_id, identifier) where identifier is not null;
comment on table feature_states is 'configuration: on or off and a value, for all, a segment or an identity';
call guard_configuration('feature_states', 'feature_state', '', 'project_id', 'environment_id');

-- Sort keys of variants inside feature states; constant, because they decide which bucket is whose.
create sequence variant_weights_id_seq as integer;
