-- An operation whose commands come one after another ends when whoever sends them says so, not when the first have ended.
alter table operations add column ends_by_itself boolean not null default true;
