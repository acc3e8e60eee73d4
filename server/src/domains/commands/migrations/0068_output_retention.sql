-- What retention looks for: commands that still hold what they said.
create index device_commands_with_output on device_commands (finished_at)
  where finished_at is not null and (output is not null or data is not null);
