-- What technicians keep to run again. What is run is a version, and a version never changes.
create table scripts (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: for devices of every organization of the partner.
  organization_id uuid references organizations,
  name text not null,
  description text not null default '',
  -- Of one that comes with Breeze: its key. Nobody edits it.
  built_in text,
  -- The latest.
  version integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Null: the server itself.
  updated_by uuid,
  archived_at timestamptz
);
create unique index scripts_name on scripts
  (partner_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'), lower(name)) where archived_at is null;
create unique index scripts_built_in on scripts (partner_id, built_in);
create index scripts_by_name on scripts (partner_id, lower(name), id);
call protect_table('scripts', 'partner');
grant select, insert on scripts to breeze_app;
grant update (name, description, version, updated_at, updated_by, archived_at) on scripts to breeze_app;

create table script_versions (
  script_id uuid not null references scripts,
  version integer not null,
  partner_id uuid not null,
  organization_id uuid,
  language text not null,
  content text not null,
  -- Of operating systems: linux, windows, macos. Empty: any.
  os text[] not null,
  parameters jsonb not null,
  -- A user of the device; null: the agent's own.
  run_as text,
  timeout_seconds integer not null,
  -- SHA-256 of all that decides what a run does.
  digest text not null,
  note text not null default '',
  saved_at timestamptz not null,
  saved_by uuid,
  primary key (script_id, version)
);
call protect_table('script_versions', 'partner');
-- Neither changed nor deleted.
grant select, insert on script_versions to breeze_app;

-- What is for every organization is read by everybody of the partner, and written by the partner's own people.
alter policy reach on scripts
  using (partner_id = (select breeze_partner()) and (organization_id is null or organization_id = any ((select breeze_organizations())::uuid[])));
alter policy reach on script_versions
  using (partner_id = (select breeze_partner()) and (organization_id is null or organization_id = any ((select breeze_organizations())::uuid[])));
