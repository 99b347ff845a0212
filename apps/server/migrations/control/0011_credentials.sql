alter table users add column onboarding jsonb;

-- A token without a name is a session: somebody signed in. One with a name was made for scripts.
create sequence user_tokens_id_seq as integer;
alter table user_tokens
  add column id integer not null unique default nextval('user_tokens_id_seq'),
  add column name text check (char_length(name) between 1 and 100),
  add column expires_at timestamptz,
  add column used_at timestamptz,
  add column user_agent text,
  add column address text;
update user_tokens set expires_at = created_at + interval '7 days', used_at = created_at;
alter table user_tokens
  alter column expires_at set not null,
  add check (name is not null or used_at is not null);
create index user_tokens_by_expiry on user_tokens (expires_at);
comment on table user_tokens is 'operational: sessions and personal tokens, each as its SHA-256';

create table second_factors (
  user_id integer primary key references users on delete cascade,
  -- Encrypted: unlike a password, it must be read again.
  sealed_secret text not null,
  -- Null while no code has confirmed it: it does not count yet.
  confirmed_at timestamptz,
  -- The time step of the last code that was accepted: codes up to it are used.
  last_step bigint,
  created_at timestamptz not null
);
comment on table second_factors is 'configuration: authenticator apps';
call guard_configuration('second_factors');

create table recovery_codes (
  user_id integer not null references second_factors on delete cascade,
  code_hash bytea not null,
  primary key (user_id, code_hash)
);
comment on table recovery_codes is 'configuration: what signs in without the authenticator app, once each, as SHA-256';
call guard_configuration('recovery_codes');

create table password_resets (
  token_hash bytea primary key,
  user_id integer not null references users on delete cascade,
  expires_at timestamptz not null
);
create index password_resets_by_user on password_resets (user_id);
create index password_resets_by_expiry on password_resets (expires_at);
comment on table password_resets is 'operational: links to choose a new password, each token as its SHA-256';

-- One row per account and thing that is tried, for as long as it is remembered.
create table attempts (
  subject_hash bytea primary key,
  taken integer not null,
  -- The next attempt is looked at from then on.
  open_at timestamptz not null,
  forgotten_at timestamptz not null
);
create index attempts_by_age on attempts (forgotten_at);
comment on table attempts is 'operational: attempts at passwords and codes, counted over all processes';
