create table feature_group_owners (
  feature_id integer not null references features on delete cascade,
  group_id integer not null references groups on delete cascade,
  primary key (feature_id, group_id)
);
create index feature_group_owners_by_group on feature_group_owners (group_id);
comment on table feature_group_owners is 'configuration: groups that look after features';
call guard_configuration('feature_group_owners');
