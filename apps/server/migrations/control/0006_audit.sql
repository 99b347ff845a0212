-- What the record is read by: the name of what changed, as it was called then, and an index for each way of asking.
alter table changes add column subject_name text;
create index changes_by_environment on changes (environment_id, id desc) where environment_id is not null;
-- What people do outside of any organisation, such as signing in.
create index changes_by_person on changes (actor_id, id desc) where organisation_id is null and actor_kind = 'user';
create trigger changes_are_not_truncated before truncate on changes for each statement execute function refuse_rewriting();
