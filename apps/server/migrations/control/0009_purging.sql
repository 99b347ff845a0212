-- What is deleted can be restored for a while and is then purged: everything that hangs on it goes with it.
-- Tables made later say `on delete cascade` (or `set null`) themselves; a test insists.
do $$
declare
  reference record;
begin
  for reference in
    select conrelid::regclass as holder, conname, pg_get_constraintdef(oid) as definition
      from pg_constraint
     where contype = 'f' and confdeltype = 'a'
       and confrelid in ('projects'::regclass, 'environments'::regclass, 'features'::regclass, 'segments'::regclass, 'feature_versions'::regclass)
  loop
    execute format('alter table %s drop constraint %I, add constraint %I %s on delete cascade',
      reference.holder, reference.conname, reference.conname, reference.definition);
  end loop;
end $$;

-- Cascades look from the feature and the environment version that ends.
create index feature_segments_by_feature on feature_segments (feature_id);
create index feature_states_by_version on feature_states (feature_version_id);
create index feature_versions_by_feature on feature_versions (feature_id);

create index projects_deleted on projects (deleted_at) where deleted_at is not null;
create index environments_deleted on environments (deleted_at) where deleted_at is not null;
create index features_deleted on features (deleted_at) where deleted_at is not null;
create index segments_deleted on segments (deleted_at) where deleted_at is not null;
