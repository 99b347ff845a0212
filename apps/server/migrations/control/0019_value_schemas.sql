create table feature_value_schemas (
  feature_id integer primary key references features on delete cascade,
  schema jsonb not null,
  updated_at timestamptz not null
);
comment on table feature_value_schemas is 'configuration: JSON Schemas that the values of features must satisfy';
call guard_configuration('feature_value_schemas');
