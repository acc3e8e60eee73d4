-- Of a check that comes again and again: its row goes soon after it has ended.
alter table device_commands add column passing boolean not null default false;
create index device_commands_passing on device_commands (finished_at) where passing and finished_at is not null;
