-- What agents measure: a row a minute for 48 hours, a quarter of an hour for 30 days, an hour for 13 months. All are cut
-- into partitions by time, so that what is old goes as a whole. No row refers to `devices`: a check for each of 14 million
-- rows a day would cost more than what a deleted device leaves behind until it is old.

-- Partitions are nobody's to name: every query goes through the table they are part of, and its policies.
create schema partitions;

create procedure add_partition(parent regclass, starts timestamptz, ends timestamptz) language plpgsql as $body$
declare
  name text := format('%s_%s', parent, to_char(starts at time zone 'UTC', 'YYYYMMDD'));
begin
  if to_regclass('partitions.' || name) is not null then return; end if;
  -- Attached and not made in place, which would lock the whole table.
  execute format('create table partitions.%I (like %s)', name, parent);
  call protect_table(format('partitions.%I', name)::regclass, 'site');
  execute format('alter table %s attach partition partitions.%I for values from (%L) to (%L)', parent, name, starts, ends);
end
$body$;
revoke execute on procedure add_partition from public;

create table metrics_minute (
  device_id uuid not null,
  organization_id uuid not null,
  site_id uuid not null,
  at timestamptz not null,
  -- Per cent; null where it could not be measured.
  cpu real,
  memory real,
  swap real,
  load real,
  -- Bytes per second of all physical interfaces.
  received real,
  sent real,
  uptime_seconds integer not null,
  -- What used most while processor or memory use was high, as the agent told it.
  top_processes jsonb,
  primary key (device_id, at)
) partition by range (at);

create table disk_metrics_minute (
  device_id uuid not null,
  organization_id uuid not null,
  site_id uuid not null,
  at timestamptz not null,
  total bigint not null,
  available bigint not null,
  -- Per cent, as `df` counts.
  used real not null,
  mount text not null,
  primary key (device_id, at, mount)
) partition by range (at);

-- `at` is where the quarter of an hour or the hour begins. `_count`: minute samples with a value.
create table metrics_quarter (
  device_id uuid not null,
  organization_id uuid not null,
  site_id uuid not null,
  at timestamptz not null,
  cpu_avg real, cpu_min real, cpu_max real, cpu_count integer not null,
  memory_avg real, memory_min real, memory_max real, memory_count integer not null,
  swap_avg real, swap_min real, swap_max real, swap_count integer not null,
  load_avg real, load_min real, load_max real, load_count integer not null,
  received_avg real, received_min real, received_max real, received_count integer not null,
  sent_avg real, sent_min real, sent_max real, sent_count integer not null,
  primary key (device_id, at)
) partition by range (at);
create table metrics_hour (like metrics_quarter, primary key (device_id, at)) partition by range (at);

create table disk_metrics_quarter (
  device_id uuid not null,
  organization_id uuid not null,
  site_id uuid not null,
  at timestamptz not null,
  -- The largest size in this time.
  total bigint not null,
  used_avg real, used_min real, used_max real, used_count integer not null,
  available_avg real, available_min real, available_max real, available_count integer not null,
  mount text not null,
  primary key (device_id, at, mount)
) partition by range (at);
create table disk_metrics_hour (like disk_metrics_quarter, primary key (device_id, at, mount)) partition by range (at);

call protect_table('metrics_minute', 'site');
call protect_table('metrics_quarter', 'site');
call protect_table('metrics_hour', 'site');
call protect_table('disk_metrics_minute', 'site');
call protect_table('disk_metrics_quarter', 'site');
call protect_table('disk_metrics_hour', 'site');
grant select on metrics_minute, metrics_quarter, metrics_hour to breeze_app;
grant select on disk_metrics_minute, disk_metrics_quarter, disk_metrics_hour to breeze_app;

-- How far the roll-ups have come. What is stored for a quarter before `closed_until` is late and gets a row in
-- `late_metrics`; the quarters from `rolled_up_until` to `closed_until` are next.
create table metrics_progress (
  singleton boolean primary key default true check (singleton),
  closed_until timestamptz not null,
  rolled_up_until timestamptz not null,
  check (rolled_up_until <= closed_until)
);
insert into metrics_progress (closed_until, rolled_up_until)
  select start, start from date_bin('15 minutes', now(), 'epoch') as start;
grant select on metrics_progress to breeze_app;

create table late_metrics (
  device_id uuid not null,
  at timestamptz not null,
  primary key (device_id, at)
);
