-- What a partner or an organization writes down of its devices, beside what they tell of themselves.
create table custom_fields (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: for the devices of every organization.
  organization_id uuid references organizations,
  name text not null,
  type text not null check (type in ('text', 'number', 'date', 'boolean', 'choice')),
  choices text[] not null default '{}',
  created_at timestamptz not null,
  check ((type = 'choice') = (choices <> '{}'))
);
create unique index custom_fields_by_name on custom_fields (partner_id, coalesce(organization_id, partner_id), lower(name));
call protect_table('custom_fields', 'partner');
grant select, insert, update, delete on custom_fields to breeze_app;

create table device_field_values (
  device_id uuid not null references devices on delete cascade,
  field_id uuid not null references custom_fields on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  -- A text, a number or a truth value; a date is a text.
  value jsonb not null,
  updated_at timestamptz not null,
  updated_by uuid not null,
  primary key (device_id, field_id)
);
create index device_field_values_by_value on device_field_values (field_id, value, device_id);
call protect_table('device_field_values', 'site');
grant select, insert, update, delete on device_field_values to breeze_app;

create table device_groups (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: devices of every organization may be in it.
  organization_id uuid references organizations,
  name text not null,
  -- Null: those that were put into it. Otherwise those that match, by the input of list_devices.
  filter jsonb,
  version integer not null default 1,
  updated_at timestamptz not null,
  updated_by uuid not null
);
create unique index device_groups_by_name on device_groups (partner_id, coalesce(organization_id, partner_id), lower(name));
call protect_table('device_groups', 'partner');
grant select, insert, update, delete on device_groups to breeze_app;

create table device_group_members (
  group_id uuid not null references device_groups on delete cascade,
  device_id uuid not null references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  primary key (group_id, device_id)
);
create index device_group_members_of_device on device_group_members (device_id);
call protect_table('device_group_members', 'site');
grant select, insert, delete on device_group_members to breeze_app;
