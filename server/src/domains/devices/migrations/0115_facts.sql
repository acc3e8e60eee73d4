-- Counts up whenever the content changes.
alter table device_sections add column version integer not null default 1;
-- Since when the device has had other content than this and has not sent it.
alter table device_sections add column outdated_since timestamptz;
-- What was last known while the section can't be read: changes are told from it, nobody is shown it.
alter table device_sections add column last_data jsonb;

-- What people call a device by: lower case, sorted, each once.
alter table devices add column tags text[] not null default '{}';
create index devices_tags on devices using gin (tags) where removed_at is null;
grant update (tags) on devices to breeze_app;
