create sequence trust_relationships_id_seq as integer;
create table trust_relationships (
  id integer primary key default nextval('trust_relationships_id_seq'),
  organisation_id integer not null references organisations on delete cascade,
  -- What its tokens act as: permissions are those of this key, which nobody has seen.
  master_api_key_id integer not null unique references master_api_keys on delete cascade,
  name text not null check (char_length(name) between 1 and 100),
  issuer text not null check (char_length(issuer) <= 500),
  audience text not null check (char_length(audience) between 1 and 500),
  claim_rules jsonb not null,
  created_by integer references users on delete set null,
  created_at timestamptz not null
);
create unique index trust_relationships_by_issuer on trust_relationships (issuer, audience);
create index trust_relationships_by_organisation on trust_relationships (organisation_id);
comment on table trust_relationships is 'configuration: whose tokens are taken for an API key, so that CI needs no secret';
call guard_configuration('trust_relationships');
