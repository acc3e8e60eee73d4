-- What each check says of each device. `result` is what was seen; a waiver is laid over a failure when it is read.
create table compliance_results (
  device_id uuid not null references devices on delete cascade,
  check_id text not null,
  organization_id uuid not null,
  site_id uuid not null,
  -- Of the check's rule, so that a result of an older rule can be told.
  check_version integer not null,
  result text not null check (result in ('pass', 'fail', 'unknown', 'not_applicable')),
  -- Why it is unknown; null otherwise.
  reason text,
  -- In our words; `items` are those of the device (accounts, volumes, products).
  seen text not null,
  items jsonb not null default '[]',
  source text,
  collected_at timestamptz,
  -- Since when what was seen has been so, for checks that count days.
  observed_since timestamptz,
  -- Since when this has been the result.
  since timestamptz not null,
  waiver_id uuid,
  waived_until timestamptz,
  primary key (device_id, check_id)
);
create index compliance_results_failing on compliance_results (check_id, organization_id, device_id) where result = 'fail';
call protect_table('compliance_results', 'site');
grant select on compliance_results to breeze_app;

-- When each device was last judged.
create table compliance_evaluations (
  device_id uuid primary key references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  evaluated_at timestamptz not null
);
call protect_table('compliance_evaluations', 'site');
grant select on compliance_evaluations to breeze_app;

-- Failures that somebody accepts for a while. It is about the narrowest thing that it names.
create table compliance_waivers (
  id uuid primary key,
  organization_id uuid not null references organizations,
  site_id uuid references sites,
  device_id uuid references devices on delete cascade,
  tag text,
  group_id uuid,
  check_id text not null,
  reason text not null,
  created_by uuid not null,
  created_at timestamptz not null,
  until timestamptz not null,
  ended_by uuid,
  ended_at timestamptz
);
create index compliance_waivers_by_organization on compliance_waivers (organization_id, created_at desc, id desc);
create index compliance_waivers_active on compliance_waivers (organization_id, check_id) where ended_at is null;
call protect_table('compliance_waivers', 'site');
grant select, insert on compliance_waivers to breeze_app;
grant update (ended_by, ended_at) on compliance_waivers to breeze_app;

-- Frameworks of one's own; those that come with Breeze are files.
create table compliance_frameworks (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: every organization of the partner.
  organization_id uuid references organizations,
  name text not null,
  version integer not null,
  controls jsonb not null,
  updated_by uuid not null,
  updated_at timestamptz not null
);
create unique index compliance_frameworks_name on compliance_frameworks
  (partner_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'), lower(name));
call protect_table('compliance_frameworks', 'partner');
grant select, insert, update, delete on compliance_frameworks to breeze_app;

-- Limits and lists by which checks judge, where the partner or an organization wants them otherwise than they come.
create table compliance_settings (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: every organization of the partner that has no value of its own.
  organization_id uuid references organizations,
  settings jsonb not null,
  updated_by uuid not null,
  updated_at timestamptz not null
);
create unique index compliance_settings_key on compliance_settings
  (partner_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'));
call protect_table('compliance_settings', 'partner');
grant select, insert, update, delete on compliance_settings to breeze_app;

-- How it stood at the end of each day, in sums: those of several sites add up, and the score follows from them.
create table compliance_history (
  organization_id uuid not null references organizations,
  site_id uuid not null references sites,
  framework text not null,
  day date not null,
  framework_version text not null,
  devices integer not null,
  passed integer not null,
  failed integer not null,
  unknown integer not null,
  waived integer not null,
  not_applicable integer not null,
  weight_passed bigint not null,
  weight_failed bigint not null,
  primary key (organization_id, site_id, framework, day)
);
create index compliance_history_by_day on compliance_history (framework, day);
call protect_table('compliance_history', 'site');
grant select on compliance_history to breeze_app;
