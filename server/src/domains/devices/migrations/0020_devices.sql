create table enrollment_tokens (
  id uuid primary key,
  organization_id uuid not null references organizations,
  site_id uuid not null references sites,
  hash bytea not null unique,
  uses_left integer not null check (uses_left >= 0),
  -- Devices enrolled with it are marked as simulated.
  simulated boolean not null default false,
  created_by uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
call protect_table('enrollment_tokens', 'site');
grant select, insert, update, delete on enrollment_tokens to breeze_app;

create table devices (
  id uuid primary key,
  organization_id uuid not null references organizations,
  site_id uuid not null references sites,
  name text not null,
  machine_id text not null,
  -- 32 raw bytes, Ed25519.
  public_key bytea not null unique,
  platform text not null check (platform in ('linux', 'windows', 'macos')),
  os text,
  role text not null default 'unknown' check (role in ('workstation', 'server', 'domain_controller', 'unknown')),
  simulated boolean not null default false,
  agent_version text not null,
  -- Written by presence alone.
  status text not null default 'pending' check (status in ('online', 'offline', 'pending')),
  conditions text[] not null default '{}',
  enrolled_with uuid,
  enrolled_at timestamptz not null default now(),
  first_seen_at timestamptz,
  removed_at timestamptz
);
create index devices_by_name on devices (lower(name), id) where removed_at is null;
create index devices_by_organization on devices (organization_id, lower(name), id) where removed_at is null;
create index devices_by_site on devices (site_id, lower(name), id) where removed_at is null;
create index devices_by_status on devices (status, lower(name), id) where removed_at is null;
create index devices_machine on devices (organization_id, machine_id) where removed_at is null;
call protect_table('devices', 'site');
grant select on devices to breeze_app;
grant update (name) on devices to breeze_app;

-- Beside the device's row, because it changes every minute: small rows, space left in each page.
create table device_presence (
  device_id uuid primary key references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  -- When the server heard from it; the device's own clock is not asked.
  last_seen_at timestamptz not null,
  boot_id text,
  uptime_seconds double precision,
  cpu_percent real,
  memory_percent real,
  clock_skew_ms integer
) with (fillfactor = 70);
create index device_presence_last_seen on device_presence (last_seen_at, device_id);
call protect_table('device_presence', 'site');
grant select on device_presence to breeze_app;

create table device_sections (
  device_id uuid not null references devices on delete cascade,
  section text not null,
  organization_id uuid not null,
  site_id uuid not null,
  status text not null,
  source text not null,
  collected_at timestamptz not null,
  received_at timestamptz not null default now(),
  hash text not null,
  detail text,
  data jsonb,
  primary key (device_id, section)
);
call protect_table('device_sections', 'site');
grant select on device_sections to breeze_app;

-- Totals by status without counting: kept in the very statements that change devices.
create table device_counts (
  organization_id uuid not null,
  site_id uuid not null,
  status text not null,
  n bigint not null,
  primary key (organization_id, site_id, status)
);
call protect_table('device_counts', 'site');
grant select on device_counts to breeze_app;

create function count_devices() returns trigger language plpgsql security definer set search_path = public as $$
begin
  -- Sorted, so that two statements that touch the same counters take them in the same order.
  if tg_op = 'INSERT' then
    insert into device_counts
      select organization_id, site_id, status, count(*) from added where removed_at is null group by 1, 2, 3 order by 1, 2, 3
      on conflict (organization_id, site_id, status) do update set n = device_counts.n + excluded.n;
  else
    insert into device_counts
      select organization_id, site_id, status, sum(d) from (
        select organization_id, site_id, status, 1 as d from added where removed_at is null
        union all
        select organization_id, site_id, status, -1 from gone where removed_at is null) changes
      group by 1, 2, 3 having sum(d) <> 0 order by 1, 2, 3
      on conflict (organization_id, site_id, status) do update set n = device_counts.n + excluded.n;
  end if;
  return null;
end
$$;
create trigger count_added after insert on devices referencing new table as added for each statement execute function count_devices();
create trigger count_changed after update on devices referencing old table as gone new table as added for each statement execute function count_devices();
