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
  -- queued → delivered → accepted → started → one of the final states. `timed_out` at the server is provisional:
  -- a real result that comes later overwrites it.
  state text not null default 'queued' check (state in
    ('queued', 'delivered', 'accepted', 'started', 'succeeded', 'failed', 'timed_out', 'rejected', 'interrupted', 'expired', 'cancelled')),
  reason text,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  delivered_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  exit_code integer,
  signal text,
  output text,
  output_bytes bigint,
  truncated boolean,
  duration_ms integer
);
create index device_commands_by_operation on device_commands (operation_id, id);
create index device_commands_waiting on device_commands (device_id, id) where state in ('queued', 'delivered', 'accepted', 'started');
create index device_commands_expiring on device_commands (expires_at) where state in ('queued', 'delivered', 'accepted', 'started');
create index device_commands_history on device_commands (device_id, issued_at desc, id desc);
call protect_table('device_commands', 'site');
grant select, insert on device_commands to breeze_app;
grant update (state, reason, finished_at) on device_commands to breeze_app;
