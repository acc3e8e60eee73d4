-- Since when the condition does what `state` says; while it flaps, since its last change.
alter table alerts add column state_since timestamptz;
update alerts set state_since = last_seen_at;
alter table alerts alter column state_since set not null;
alter table alerts alter column state_since set default now();
create index alerts_acknowledged_until on alerts (acknowledged_until)
  where status = 'acknowledged' and acknowledged_until is not null;
-- What people closed since a moment ago: whether it still holds is looked at then.
create index alerts_resolved_by_people on alerts (resolved_at) where resolved_by is not null;

-- Conditions that hold and have not held long enough, so that a server that was killed goes on counting.
create table alert_pending (
  device_id uuid not null references devices on delete cascade,
  rule_id uuid not null references alert_rules on delete cascade,
  instance text not null default '',
  organization_id uuid not null,
  site_id uuid not null,
  since timestamptz not null,
  last_seen_at timestamptz not null,
  value double precision,
  primary key (device_id, rule_id, instance)
);
call protect_table('alert_pending', 'site');
grant select on alert_pending to breeze_app;

-- What is usual on a device, so that "new" and "stopped" have a meaning: services that were seen running, administrators.
create table alert_baselines (
  device_id uuid not null references devices on delete cascade,
  kind text not null check (kind in ('services', 'administrators', 'software')),
  organization_id uuid not null,
  site_id uuid not null,
  names text[] not null,
  primary key (device_id, kind)
);
call protect_table('alert_baselines', 'site');
grant select on alert_baselines to breeze_app;
