-- The record is chained per organisation by a job, soon after it is written; what is of no organisation is chain 0. An entry that is
-- altered, removed or put in between afterwards does not fit its hash any more.
create table unsealed_changes (change_id bigint primary key references changes);
comment on table unsealed_changes is 'operational: changes that are not chained yet';
insert into unsealed_changes select id from changes;

create function await_seal() returns trigger language plpgsql as $$
begin
  insert into unsealed_changes select id from recorded;
  return null;
end $$;
create trigger changes_await_seals after insert on changes referencing new table as recorded
  for each statement execute function await_seal();

create table change_seals (
  organisation_id integer not null,
  position bigint not null,
  change_id bigint not null unique,
  -- SHA-256 of the hash before it and of the change's digest.
  hash bytea not null,
  primary key (organisation_id, position)
);
comment on table change_seals is 'operational: the chain of each organisation''s record, append-only';
create trigger change_seals_are_append_only before update or delete on change_seals
  for each row execute function refuse_rewriting();
create trigger change_seals_are_not_truncated before truncate on change_seals for each statement execute function refuse_rewriting();

create table change_chains (
  organisation_id integer primary key,
  length bigint not null,
  hash bytea not null,
  -- Of length and hash, with the installation's key, which is not in the database.
  signature text not null,
  sealed_at timestamptz not null default clock_timestamp()
);
comment on table change_chains is 'operational: where the chain of each organisation ends';

create function change_digest(c changes) returns bytea language sql stable as $$
  select sha256(convert_to(jsonb_build_array(
    c.id, extract(epoch from c.at), c.type, c.organisation_id, c.project_id, c.environment_id, c.subject_id, c.subject_name,
    c.actor_kind, c.actor_id, c.actor_name, c.request_id, c.address, c.before, c.after)::text, 'UTF8'))
$$;
