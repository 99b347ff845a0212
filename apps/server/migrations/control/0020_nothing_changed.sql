-- A write that leaves a row as it is was no write: nothing has to be recorded, and the row keeps its version and its moment.

-- Those two tell of the rest of the row; a new one of either alone says that something changed when nothing did.
create function leave_unchanged() returns trigger language plpgsql as $$
declare
  of_every_write constant text[] := '{version,updated_at}';
begin
  return case when to_jsonb(new) - of_every_write = to_jsonb(old) - of_every_write then old else new end;
end $$;

create procedure guard_writes(table_name text) language plpgsql as $$
begin
  execute format('create trigger %I after insert or delete on %I for each row execute function note_configuration_write()',
    table_name || '_recorded', table_name);
  execute format('create trigger %I after update on %I for each row when (old.* is distinct from new.*) execute function note_configuration_write()',
    table_name || '_rewritten', table_name);
  if exists (select from pg_attribute where attrelid = table_name::regclass and attname = 'updated_at' and not attisdropped) then
    execute format('create trigger %I before update on %I for each row execute function leave_unchanged()', table_name || '_unchanged', table_name);
  end if;
end $$;

create or replace procedure guard_configuration(table_name text, kind text default null, organisation text default '', project text default '', environment text default '')
language plpgsql as $$
begin
  call guard_writes(table_name);
  if kind is not null then
    execute format('create trigger %I after insert or update or delete on %I for each row execute function keep_revision(%L, %L, %L, %L)',
      table_name || '_kept', table_name, kind, organisation, project, environment);
  end if;
end $$;

do $$
declare
  guarded record;
begin
  for guarded in select tgrelid::regclass::text as name, tgname from pg_trigger where tgfoid = 'note_configuration_write'::regproc loop
    execute format('drop trigger %I on %I', guarded.tgname, guarded.name);
    call guard_writes(guarded.name);
  end loop;
end $$;
