create sequence feature_exports_id_seq as integer;
create table feature_exports (
  id integer primary key default nextval('feature_exports_id_seq'),
  environment_id integer not null references environments on delete cascade,
  created_at timestamptz not null,
  -- As it is downloaded.
  file text not null
);
create index feature_exports_by_environment on feature_exports (environment_id, id desc);
create index feature_exports_by_age on feature_exports (created_at);
comment on table feature_exports is 'operational: features of environments as files to download, for two weeks';

create sequence feature_imports_id_seq as integer;
create table feature_imports (
  id integer primary key default nextval('feature_imports_id_seq'),
  environment_id integer not null references environments on delete cascade,
  created_at timestamptz not null,
  strategy text not null check (strategy in ('SKIP', 'OVERWRITE_DESTRUCTIVE'))
);
create index feature_imports_by_environment on feature_imports (environment_id, id desc);
create index feature_imports_by_age on feature_imports (created_at);
comment on table feature_imports is 'operational: which files were read into environments, for two weeks';
