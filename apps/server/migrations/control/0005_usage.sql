create table usage_counts (
  environment_id integer not null,
  hour timestamptz not null,
  resource text not null,
  feature_name text not null default '',
  user_agent text not null default '',
  application_name text not null default '',
  application_version text not null default '',
  count bigint not null,
  primary key (environment_id, hour, resource, feature_name, user_agent, application_name, application_version)
);
comment on table usage_counts is 'operational: requests and evaluations, summed by the hour';

create sequence sdk_events_id_seq;
create table sdk_events (
  id bigint primary key default nextval('sdk_events_id_seq'),
  environment_id integer not null,
  event text not null,
  feature_name text,
  identifier text,
  value jsonb,
  traits jsonb,
  metadata jsonb,
  at timestamptz not null,
  received_at timestamptz not null
);
create index sdk_events_by_environment on sdk_events (environment_id, at);
comment on table sdk_events is 'operational: events that SDKs sent';
