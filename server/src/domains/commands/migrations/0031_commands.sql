-- One instruction to one agent. `payload` and `signature` are what travels, byte for byte.
create table device_commands (
  id uuid primary key,
  organization_id uuid not null,
  site_id uuid not null,
  device_id uuid not null references devices,
  operation_id uuid not null references operations,
  type text not null,
  key_id text not null,
  payload text not null,
  signature text not null,
  -- queued → delivered → accepted → started → one of the final states. `expired` and `timed_out` without a `result_at` are
  -- what the server supposes: a real result that comes later overwrites them.
  state text not null default 'queued' check (state in
    ('queued', 'delivered', 'accepted', 'started', 'succeeded', 'failed', 'timed_out', 'rejected', 'interrupted', 'expired', 'cancelled')),
  reason text,
  issued_at timestamptz not null,
  -- The device refuses to start it later.
  expires_at timestamptz not null,
  -- How long it may run once started.
  run_seconds integer not null,
  -- When the server stops waiting for the next step; moves with the state.
  give_up_at timestamptz not null,
  delivered_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  -- When the device's own outcome became durable here.
  result_at timestamptz,
  -- Windows exit codes are unsigned 32-bit numbers.
  exit_code bigint,
  signal text,
  output text,
  output_bytes bigint,
  truncated boolean,
  duration_ms bigint
);
create index device_commands_by_operation on device_commands (operation_id, id);
create index device_commands_waiting on device_commands (device_id, id) where state in ('queued', 'delivered', 'accepted', 'started');
create index device_commands_overdue on device_commands (give_up_at) where state in ('queued', 'delivered', 'accepted', 'started');
create index device_commands_history on device_commands (device_id, issued_at desc, id desc);
call protect_table('device_commands', 'site');
grant select, insert on device_commands to breeze_app;
grant update (state, reason, finished_at) on device_commands to breeze_app;
