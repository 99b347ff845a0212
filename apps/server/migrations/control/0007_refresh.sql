-- What an environment is made of now is read page by page, and afterwards only what began or ended since it was last read
-- (document_history_then tells what began).
drop index document_history_now;
create index document_history_now on document_history (project_id, environment_id, kind, entity_id) where until_at = 'infinity';
create index document_history_ended on document_history (project_id, environment_id, until_at) where until_at < 'infinity';
