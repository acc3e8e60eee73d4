-- A run of a script: one operation, one command per device.
create table script_runs (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_ids uuid[] not null,
  operation_id uuid not null unique references operations,
  language text not null,
  content text not null,
  content_digest text not null,
  timeout_seconds integer not null,
  created_at timestamptz not null default now()
);
call protect_table('script_runs', 'several');
grant select, insert on script_runs to breeze_app;
