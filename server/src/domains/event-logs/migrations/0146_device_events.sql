-- Event-log entries that devices sent by themselves because a watch matched. Bounded per device and by time.
create table device_events (
  device_id uuid not null references devices on delete cascade,
  -- Of the batch, as the device counts, and the entry's place in it: what comes again is there already.
  sequence bigint not null,
  position smallint not null,
  organization_id uuid not null,
  site_id uuid not null,
  watch_id text not null,
  log text not null,
  -- By the device's log.
  at timestamptz not null,
  received_at timestamptz not null,
  source text not null,
  program text,
  level text check (level in ('critical', 'error', 'warning', 'info', 'debug')),
  message text not null,
  -- It stands for so many.
  count integer not null default 1,
  -- Of a failed sign-in.
  user_name text,
  address text,
  primary key (device_id, sequence, position)
);
create index device_events_by_time on device_events (device_id, at desc);
create index device_events_received on device_events (received_at);
call protect_table('device_events', 'site');
grant select on device_events to breeze_app;
