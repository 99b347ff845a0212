create table idempotency_keys (
  -- Whose key it is: the same from two callers are two keys.
  caller text not null,
  key text not null check (char_length(key) <= 255),
  -- Of method, address and body: a key is for one request.
  fingerprint bytea not null,
  -- Encrypted, because it may show a secret that is shown once; null while it is not known.
  reply text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (caller, key)
);
comment on table idempotency_keys is 'operational: POST requests that were done, with what they were answered, for a day';
