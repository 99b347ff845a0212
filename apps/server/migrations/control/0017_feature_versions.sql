-- True: feature states are changed through versions only.
alter table environments add column use_v2_feature_versioning boolean not null default false;

-- A version may be a draft first and may wait for its time; it has a number once it is live.
alter table feature_versions
  alter column number drop not null,
  -- Null for a draft that does not say; when it is to be for one that waits; the instant of the edit that did it once it is live.
  alter column live_from drop not null,
  -- What it will change; null once it is live.
  add column draft jsonb,
  -- Null: it was made and went live in one edit.
  add column drafted_at timestamptz,
  -- Its author knew what was live at this instant.
  add column saved_at timestamptz,
  add column published_at timestamptz,
  add column publisher_kind text,
  add column publisher_id integer,
  add column publisher_name text,
  add column ignore_conflicts boolean not null default false,
  -- Why it did not go live when it was due.
  add column refusal jsonb,
  add check ((number is null) = (draft is not null)),
  add check (number is null or live_from is not null),
  add check (draft is null or drafted_at is not null and saved_at is not null),
  add check (published_at is null or live_from is not null);
create index feature_versions_waiting on feature_versions (environment_id, live_from) where number is null and published_at is not null;
comment on table feature_versions is 'configuration: one row per edit of a feature in an environment, and those to come; what an edit changed is in document_history';
