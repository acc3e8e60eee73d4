-- What retention looks for: commands that still hold what they were told or what they said.
drop index device_commands_with_output;
create index device_commands_with_content on device_commands (finished_at)
  where finished_at is not null and (output is not null or data is not null or payload <> '');
