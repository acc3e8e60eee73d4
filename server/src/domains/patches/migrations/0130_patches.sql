-- What is pending on a device, one row each, as of its last report that could be read.
create table device_updates (
  device_id uuid not null references devices on delete cascade,
  -- What names an update on its device whatever its newest version: Windows' update id, elsewhere package and architecture.
  key text not null,
  organization_id uuid not null,
  site_id uuid not null,
  name text not null,
  installed text,
  available text not null,
  -- Null: the package manager does not tell.
  security boolean,
  severity text check (severity in ('critical', 'important', 'moderate', 'low')),
  article text,
  origin text,
  -- By its publisher; null where nobody tells.
  released_on date,
  -- Since when the device is known to lack it. A newer version in its place changes neither: what the older one fixed is lacking still.
  first_seen_at timestamptz not null,
  -- The same, as an update for security.
  security_since timestamptz,
  primary key (device_id, key)
);
create index device_updates_by_place on device_updates (organization_id, site_id, device_id);
call protect_table('device_updates', 'site');
grant select on device_updates to breeze_app;

-- What was installed or failed, as the package manager's own record has it.
create table device_update_history (
  device_id uuid not null references devices on delete cascade,
  at timestamptz not null,
  name text not null,
  outcome text not null check (outcome in ('installed', 'failed')),
  organization_id uuid not null,
  site_id uuid not null,
  version text,
  article text,
  reason text,
  -- When the server learned of it.
  recorded_at timestamptz not null,
  primary key (device_id, at, name, outcome)
);
create index device_update_history_failed on device_update_history (organization_id, at desc, device_id) where outcome = 'failed';
call protect_table('device_update_history', 'site');
grant select on device_update_history to breeze_app;

-- What follows from both, a row per device. Whether it is too old to count is asked when it is read.
create table device_patch_state (
  device_id uuid primary key references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  state text not null check (state in ('up_to_date', 'missing', 'failed', 'unknown')),
  -- Why it is unknown.
  reason text check (reason in ('not_reported', 'not_readable', 'lists_of_unknown_age')),
  manager text,
  -- When the device last looked for updates.
  lists_updated_at timestamptz,
  missing integer not null,
  missing_security integer not null,
  -- Of which nobody says whether they are for security.
  missing_unrated integer not null,
  oldest_missing_at timestamptz,
  oldest_security_at timestamptz,
  -- Updates whose last attempt failed.
  failed integer not null,
  last_failed_at timestamptz,
  -- False: the device does not tell what was installed or failed.
  history_known boolean not null,
  reboot_pending_since timestamptz,
  -- Of the sections that this was made of: where they differ from those stored, it has to be made anew.
  updates_hash text,
  history_hash text,
  posture_hash text,
  changed_at timestamptz not null
);
create index device_patch_state_by_place on device_patch_state (organization_id, site_id, device_id);
call protect_table('device_patch_state', 'site');
grant select on device_patch_state to breeze_app;
