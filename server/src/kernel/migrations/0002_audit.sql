-- The audit: one chain per node. `body` holds the exact bytes that the link covers; the other columns repeat parts of it
-- for searching, and verification checks that they still agree. `payload` (the masked input) can be purged by retention:
-- the body keeps its digest, so the chain stays whole.
create table audit_entries (
  id uuid primary key,
  chain uuid not null,
  seq bigint not null,
  partner_id uuid,
  organization_id uuid,
  at timestamptz not null,
  kind text not null,
  call_id uuid,
  user_id uuid,
  credential_id text,
  channel text,
  tool text,
  tier smallint,
  decision text,
  outcome text,
  body text not null,
  payload text,
  previous bytea not null,
  hash bytea not null,
  unique (chain, seq)
);
create index audit_entries_by_time on audit_entries (partner_id, at desc, id desc);
create index audit_entries_by_organization on audit_entries (organization_id, at desc, id desc);
create index audit_entries_by_call on audit_entries (call_id);
call protect_table('audit_entries', 'partner');
-- Nobody who serves requests can change or remove an entry.
grant select on audit_entries to breeze_app;

create table audit_checkpoints (
  seq bigint primary key,
  at timestamptz not null,
  body text not null,
  signature text not null
);
