-- What is asked of usage: requests of all resources of an environment, and evaluations of one feature, over time.
create index usage_counts_of_requests on usage_counts (environment_id, hour) where resource <> 'evaluations';
create index usage_counts_of_features on usage_counts (environment_id, feature_name, hour) where resource = 'evaluations';

create table evaluated_features (
  environment_id integer not null,
  -- As usage counts it.
  feature_name text not null,
  first_evaluated_at timestamptz not null,
  -- To the minute.
  last_evaluated_at timestamptz not null,
  primary key (environment_id, feature_name)
);
comment on table evaluated_features is 'operational: when SDKs first and last reported an evaluation of a feature';

create table first_evaluations (
  environment_id integer primary key,
  at timestamptz not null,
  sdk_label text
);
comment on table first_evaluations is 'operational: the first request of an SDK in each environment';
