-- Devices of the act that got no command, because they could not carry it out. Whoever asks later is told of them too.
alter table operations add column left_out uuid[] not null default '{}';
