alter table identities add column dashboard_alias text check (char_length(dashboard_alias) between 1 and 100);
comment on column identities.dashboard_alias is 'What people call the identity; SDKs neither read nor write it.';

-- The table above carries no index on traits: each would be written with every sighting. Searching has a table of its own, filled a
-- moment later from this queue, which the transaction that writes an identity appends to. A heap without any index: appending must
-- cost next to nothing, and a row may be there twice.
create table identity_search_queue (
  environment_id integer not null,
  bucket smallint not null,
  identifier text collate "C" not null
);
comment on table identity_search_queue is 'identity: whose place in the search is to be made anew';

create table identity_searches (
  environment_id integer not null,
  bucket smallint not null,
  identifier text collate "C" not null,
  id bigint not null,
  -- Identifier and alias without regard to case, as the server folds them.
  folded text collate "C" not null,
  -- What it is found by, as hashes that the server makes: every three characters in a row of the above, and every trait with its value.
  terms bigint[] not null,
  primary key (environment_id, identifier, bucket)
);
create index identity_searches_by_term on identity_searches using gin (terms);
-- Ids are hashes: the first ones are a sample.
create index identity_searches_by_id on identity_searches (environment_id, id);
comment on table identity_searches is 'identity: what identities are found by, made from them';

-- How far all identities have been put into the queue for a version of the terms; another version begins anew.
create table identity_search_walks (
  bucket smallint not null default 0,
  version integer not null,
  environment_id integer not null,
  identifier text collate "C" not null,
  is_finished boolean not null default false,
  primary key (bucket, version)
);
comment on table identity_search_walks is 'identity: how far the search has been filled from identities that were there before';
