-- The latest turn of the status, so that whoever raises alerts can tell it again from here.
alter table devices add column status_changed_at timestamptz;
-- Why it went by its own will; null where nothing was said.
alter table devices add column status_expected text
  check (status_expected in ('shutdown', 'reboot', 'sleep', 'stop', 'update', 'uninstall'));
-- When it wanted to be back.
alter table devices add column expected_back_at timestamptz;
-- False: part of the silence lies in a time in which this server did not listen.
alter table devices add column status_observed boolean not null default true;

-- What a way to the server and back usually takes here, and whether the last ones took clearly longer.
alter table device_presence add column round_trip_usual_ms real;
alter table device_presence add column round_trip_elevated boolean not null default false;
