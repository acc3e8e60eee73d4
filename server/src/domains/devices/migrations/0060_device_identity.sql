-- Devices enrolled with it wait until a person approves them.
alter table enrollment_tokens add column requires_approval boolean not null default false;

-- A device's next key, valid beside `public_key` until it is used once.
alter table devices add column next_public_key bytea unique;
-- Of which device this one was a copy, when it became one of its own.
alter table devices add column copy_of uuid references devices;
create index devices_copies on devices (copy_of) where copy_of is not null;

-- What the device last said of itself: the configuration in force there, and its way to the server and back.
alter table device_presence add column configuration_etag text;
alter table device_presence add column round_trip_ms real;
