-- Until when the maker repairs it, as a person's list says.
create table device_warranties (
  device_id uuid primary key references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  ends_on date not null,
  -- Where the list comes from.
  source text not null,
  imported_at timestamptz not null,
  imported_by uuid not null
);
call protect_table('device_warranties', 'site');
grant select, insert, update, delete on device_warranties to breeze_app;
