-- Who may do what: groups and roles of people and keys, and what was granted to each. All of it hangs on membership, so that
-- nothing is left of somebody who leaves.

create sequence groups_id_seq as integer;
create table groups (
  id integer primary key default nextval('groups_id_seq'),
  organisation_id integer not null references organisations,
  name text not null check (char_length(name) between 1 and 200),
  -- New members of the organisation join it.
  is_default boolean not null default false,
  external_id text check (char_length(external_id) <= 255),
  created_at timestamptz not null,
  unique (organisation_id, id),
  unique (organisation_id, external_id)
);
comment on table groups is 'configuration: people of an organisation who are granted things together';
call guard_configuration('groups');

create table group_members (
  organisation_id integer not null,
  group_id integer not null,
  user_id integer not null,
  -- May change the group and who belongs to it.
  is_admin boolean not null default false,
  primary key (group_id, user_id),
  foreign key (organisation_id, group_id) references groups (organisation_id, id) on delete cascade,
  foreign key (organisation_id, user_id) references organisation_members on delete cascade
);
create index group_members_by_user on group_members (user_id, organisation_id);
comment on table group_members is 'configuration: who belongs to which group';
call guard_configuration('group_members');

create sequence roles_id_seq as integer;
create table roles (
  id integer primary key default nextval('roles_id_seq'),
  organisation_id integer not null references organisations,
  name text not null check (char_length(name) between 1 and 255),
  description text check (char_length(description) <= 20000),
  -- Of tags, of which a feature must carry one; none: any feature. No reference: a tag that is deleted must not widen the role.
  tags integer[] not null default '{}',
  created_at timestamptz not null,
  unique (organisation_id, id)
);
comment on table roles is 'configuration: permissions that are granted together';
call guard_configuration('roles');

alter table master_api_keys add unique (organisation_id, id);

create sequence role_assignments_id_seq as integer;
create table role_assignments (
  id integer primary key default nextval('role_assignments_id_seq'),
  organisation_id integer not null,
  role_id integer not null,
  user_id integer,
  group_id integer,
  master_api_key_id integer,
  check (num_nonnulls(user_id, group_id, master_api_key_id) = 1),
  unique nulls not distinct (role_id, user_id, group_id, master_api_key_id),
  foreign key (organisation_id, role_id) references roles (organisation_id, id) on delete cascade,
  foreign key (organisation_id, user_id) references organisation_members on delete cascade,
  foreign key (organisation_id, group_id) references groups (organisation_id, id) on delete cascade,
  foreign key (organisation_id, master_api_key_id) references master_api_keys (organisation_id, id) on delete cascade
);
create index role_assignments_by_user on role_assignments (user_id, organisation_id) where user_id is not null;
create index role_assignments_by_group on role_assignments (group_id, organisation_id) where group_id is not null;
create index role_assignments_by_key on role_assignments (master_api_key_id, organisation_id) where master_api_key_id is not null;
comment on table role_assignments is 'configuration: which people, groups and API keys have which role';
call guard_configuration('role_assignments');

alter table projects add unique (organisation_id, id);
alter table environments add unique (project_id, id);

-- One row for each of those who hold something in one place: the organisation, a project or an environment.
create sequence grants_id_seq as integer;
create table grants (
  id integer primary key default nextval('grants_id_seq'),
  organisation_id integer not null references organisations,
  project_id integer,
  environment_id integer,
  user_id integer,
  group_id integer,
  role_id integer,
  -- Of the project or environment, and of all that is in it.
  is_admin boolean not null default false,
  -- By key, the tags of which a feature must carry one; none: those of the role, if it has any.
  permissions jsonb not null default '{}' check (jsonb_typeof(permissions) = 'object'),
  check (num_nonnulls(user_id, group_id, role_id) = 1),
  check (environment_id is null or project_id is not null),
  check (not is_admin or project_id is not null),
  unique nulls not distinct (organisation_id, project_id, environment_id, user_id, group_id, role_id),
  foreign key (organisation_id, project_id) references projects (organisation_id, id) on delete cascade,
  foreign key (project_id, environment_id) references environments (project_id, id) on delete cascade,
  foreign key (organisation_id, user_id) references organisation_members on delete cascade,
  foreign key (organisation_id, group_id) references groups (organisation_id, id) on delete cascade,
  foreign key (organisation_id, role_id) references roles (organisation_id, id) on delete cascade
);
create index grants_by_user on grants (user_id, organisation_id) where user_id is not null;
create index grants_by_group on grants (group_id, organisation_id) where group_id is not null;
create index grants_by_role on grants (role_id, organisation_id) where role_id is not null;
create index grants_by_place on grants (project_id, environment_id);
comment on table grants is 'configuration: what people, groups and roles may do, and where';
call guard_configuration('grants');
