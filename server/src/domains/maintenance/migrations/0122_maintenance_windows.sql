-- When people work on devices on purpose: what happens meanwhile is recorded and nobody is woken.
create table maintenance_windows (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: devices of every organization of the partner.
  organization_id uuid references organizations,
  name text not null,
  -- Which devices; empty: all.
  scope jsonb not null default '{}',
  -- When it begins, by the clock on the wall there: once, weekly or monthly.
  recurrence jsonb not null,
  -- IANA name.
  time_zone text not null,
  duration_minutes integer not null check (duration_minutes between 5 and 10080),
  enabled boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null,
  created_by uuid not null,
  updated_at timestamptz not null,
  updated_by uuid not null
);
create index maintenance_windows_by_name on maintenance_windows (partner_id, lower(name), id);
call protect_table('maintenance_windows', 'partner');
grant select, insert, update, delete on maintenance_windows to breeze_app;
