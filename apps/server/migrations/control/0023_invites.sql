-- Invitations into organisations: by e-mail, for one person and once; and links, for whoever has one.

create sequence invites_id_seq as integer;
create table invites (
  id integer primary key default nextval('invites_id_seq'),
  -- What the token is derived from, with the secret key.
  uuid uuid not null unique,
  organisation_id integer not null references organisations on delete cascade,
  email text not null check (email = lower(email)),
  role text not null check (role in ('ADMIN', 'USER')),
  token_hash bytea not null unique,
  invited_by integer references users on delete set null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  unique (organisation_id, email),
  unique (organisation_id, id)
);
create index invites_by_inviter on invites (invited_by) where invited_by is not null;
comment on table invites is 'configuration: invitations by e-mail that nobody has accepted, each token as its SHA-256';
call guard_configuration('invites');

create table invite_groups (
  organisation_id integer not null,
  invite_id integer not null,
  group_id integer not null,
  primary key (invite_id, group_id),
  foreign key (organisation_id, invite_id) references invites (organisation_id, id) on delete cascade,
  foreign key (organisation_id, group_id) references groups (organisation_id, id) on delete cascade
);
create index invite_groups_by_group on invite_groups (group_id, organisation_id);
comment on table invite_groups is 'configuration: the groups that who is invited will join';
call guard_configuration('invite_groups');

create sequence invite_links_id_seq as integer;
create table invite_links (
  id integer primary key default nextval('invite_links_id_seq'),
  uuid uuid not null unique,
  organisation_id integer not null references organisations on delete cascade,
  role text not null check (role in ('ADMIN', 'USER')),
  token_hash bytea not null unique,
  -- Null: never.
  expires_at timestamptz,
  created_at timestamptz not null
);
create index invite_links_by_organisation on invite_links (organisation_id);
comment on table invite_links is 'configuration: links by which anybody joins an organisation, each token as its SHA-256';
call guard_configuration('invite_links');
