alter table device_commands
  -- Of a reboot: the boot in which the device answered, so that another one afterwards is known as its return.
  add column boot_before text,
  -- When it was heard again in another boot.
  add column returned_at timestamptz;
create index device_commands_returning on device_commands (device_id)
  where type = 'power.reboot' and state = 'succeeded' and returned_at is null and boot_before is not null;
