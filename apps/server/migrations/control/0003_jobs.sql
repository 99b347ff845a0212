create sequence jobs_id_seq;
create table jobs (
  id bigint primary key default nextval('jobs_id_seq'),
  name text not null,
  payload jsonb not null,
  -- Of the jobs that wait with the same name and key there is one.
  key text,
  run_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  -- A worker has the job until leased_until, and proves it with the token: a job given to another worker meanwhile is not its own any more.
  leased_until timestamptz,
  lease_token uuid,
  last_error text,
  -- Given up: kept to be looked at, and run again by clearing this.
  failed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  check ((leased_until is null) = (lease_token is null)),
  check (failed_at is null or lease_token is null)
);
alter sequence jobs_id_seq owned by jobs.id;
create unique index jobs_waiting_key on jobs (name, key) where key is not null and lease_token is null and failed_at is null;
create index jobs_waiting on jobs (run_at, id) where lease_token is null and failed_at is null;
create index jobs_leased on jobs (leased_until) where lease_token is not null;
create index jobs_failed on jobs (failed_at) where failed_at is not null;
comment on table jobs is 'operational: work to be done once, after the transaction that asked for it';
