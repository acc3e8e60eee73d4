-- One installed package. What a device has of them changes a few at a time, so each is a row.
create table device_software (
  device_id uuid not null references devices on delete cascade,
  source text not null,
  name text not null,
  architecture text not null,
  organization_id uuid not null,
  site_id uuid not null,
  version text not null,
  publisher text,
  installed_at timestamptz,
  size_bytes bigint,
  primary key (device_id, source, name, architecture)
);
-- Who has it: by the name or its beginning.
create index device_software_by_name on device_software (organization_id, lower(name) text_pattern_ops, device_id);
call protect_table('device_software', 'site');
grant select on device_software to breeze_app;

-- The section's row holds the count from now on: what was stored before is asked for again.
delete from device_sections where section = 'software';
