-- The last thing that was tried with an update failed, and the device still lacks it as far as is known.
alter table device_update_history add column open boolean not null default false;
create index device_update_history_open on device_update_history (device_id, at desc) where open;
drop index device_update_history_failed;
