-- The change spine: what happened, the history of everything that decides flags, and the guard that insists on both.
-- Every table says in its comment what it is: configuration (guarded, every write recorded), operational, or identity.

create table deployment (
  singleton boolean primary key default true check (singleton),
  -- Raised by a restore or a promoted standby; (epoch, revision) never goes back.
  epoch integer not null default 1
);
insert into deployment default values;
comment on table deployment is 'operational: facts about this installation, one row';

create sequence changes_id_seq;
create table changes (
  id bigint primary key default nextval('changes_id_seq'),
  at timestamptz not null,
  type text not null,
  organisation_id integer,
  project_id integer,
  environment_id integer,
  subject_id text,
  actor_kind text not null check (actor_kind in ('user', 'api_key', 'system')),
  actor_id integer,
  actor_name text not null,
  request_id text,
  address text,
  before jsonb,
  after jsonb,
  transaction_id xid8 not null default pg_current_xact_id()
);
create index changes_by_transaction on changes (transaction_id);
create index changes_by_project on changes (project_id, id desc);
create index changes_by_organisation on changes (organisation_id, id desc);
comment on table changes is 'operational: the change log, append-only';

create function refuse_rewriting() returns trigger language plpgsql as $$
begin
  raise exception 'The change log is append-only.' using errcode = 'HY002';
end $$;
create trigger changes_are_append_only before update or delete on changes
  for each row execute function refuse_rewriting();

-- One row per transaction that wrote configuration; the deferred check at commit looks for its change and removes it.
create table unrecorded_edits (transaction_id xid8 primary key);
comment on table unrecorded_edits is 'operational: transactions that wrote configuration and have not committed, empty at rest';

create function note_configuration_write() returns trigger language plpgsql as $$
begin
  insert into unrecorded_edits values (pg_current_xact_id()) on conflict do nothing;
  return null;
end $$;

create function refuse_unrecorded_edit() returns trigger language plpgsql as $$
begin
  if not exists (select from changes where transaction_id = new.transaction_id) then
    raise exception 'A transaction changed configuration without recording a change.'
      using errcode = 'HY001', hint = 'Every command ends in recordChange(edit, ...).';
  end if;
  delete from unrecorded_edits where transaction_id = new.transaction_id;
  return null;
end $$;
create constraint trigger edits_are_recorded after insert on unrecorded_edits
  deferrable initially deferred for each row execute function refuse_unrecorded_edit();

-- The immutable revisions of every row that decides flags. A revision counts from from_at until until_at; bodies never change.
create table document_history (
  kind text not null,
  entity_id integer not null,
  from_at timestamptz not null,
  until_at timestamptz not null default 'infinity' check (until_at > from_at),
  organisation_id integer,
  project_id integer,
  environment_id integer,
  body jsonb not null,
  primary key (kind, entity_id, from_at)
);
create index document_history_now on document_history (project_id, environment_id) where until_at = 'infinity';
create index document_history_then on document_history (project_id, environment_id, from_at, until_at);
comment on table document_history is 'operational: immutable revisions of configuration, written by triggers alone';

-- The instant of the edit under way, set by the server when the edit begins.
create function edit_instant() returns timestamptz language plpgsql stable as $$
declare
  instant text := current_setting('halyard.edit_at', true);
begin
  if coalesce(instant, '') = '' then
    raise exception 'Configuration was written outside an edit.' using errcode = 'HY003';
  end if;
  return instant::timestamptz;
end $$;

-- Keeps a revision of the row. Arguments: the kind, then the columns that hold the organisation, project and environment ('' for none).
create function keep_revision() returns trigger language plpgsql as $$
declare
  kept_kind constant text := tg_argv[0];
  instant constant timestamptz := edit_instant();
  before jsonb := case when tg_op = 'INSERT' then null else to_jsonb(old) - 'changed_at' end;
  after jsonb := case when tg_op = 'DELETE' then null else to_jsonb(new) - 'changed_at' end;
  kept_id constant integer := (coalesce(after, before) ->> 'id')::integer;
begin
  if before = after then
    return null;
  end if;
  -- A row written twice in one edit has one revision: nobody else has seen the first.
  delete from document_history where kind = kept_kind and entity_id = kept_id and from_at = instant;
  update document_history set until_at = instant where kind = kept_kind and entity_id = kept_id and until_at = 'infinity';
  if after is not null then
    insert into document_history (kind, entity_id, from_at, organisation_id, project_id, environment_id, body)
    values (kept_kind, kept_id, instant, (after ->> tg_argv[1])::integer, (after ->> tg_argv[2])::integer, (after ->> tg_argv[3])::integer, after);
  end if;
  return null;
end $$;

-- Guards a configuration table. With a kind, its rows decide flags and their revisions are kept.
create procedure guard_configuration(table_name text, kind text default null, organisation text default '', project text default '', environment text default '')
language plpgsql as $$
begin
  execute format('create trigger %I after insert or update or delete on %I for each statement execute function note_configuration_write()',
    table_name || '_recorded', table_name);
  if kind is not null then
    execute format('create trigger %I after insert or update or delete on %I for each row execute function keep_revision(%L, %L, %L, %L)',
      table_name || '_kept', table_name, kind, organisation, project, environment);
  end if;
end $$;
