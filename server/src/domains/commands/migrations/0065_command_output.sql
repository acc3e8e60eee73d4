alter table device_commands
  -- What the command found, as its type's schema says; checked again whenever it is read.
  add column data jsonb,
  -- Somebody asked the device to stop it. What becomes of it is for the device to say.
  add column cancel_requested_at timestamptz,
  add column cancel_reason text,
  -- Of `device_command_output`, so that its bound needs no counting.
  add column streamed_bytes integer not null default 0,
  add column streamed_chunks integer not null default 0;
create index device_commands_cancelling on device_commands (device_id, id)
  where cancel_requested_at is not null and state in ('delivered', 'accepted', 'started');
grant update (cancel_requested_at, cancel_reason) on device_commands to breeze_app;

-- Output of commands that have not ended, as it comes. With the result, or when the server gives up, the rows end.
create table device_command_output (
  command_id uuid not null references device_commands on delete cascade,
  sequence integer not null,
  organization_id uuid not null,
  site_id uuid not null,
  text text not null,
  primary key (command_id, sequence)
);
call protect_table('device_command_output', 'site');
grant select on device_command_output to breeze_app;
