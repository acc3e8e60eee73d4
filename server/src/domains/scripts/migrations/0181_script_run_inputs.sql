-- What a run was asked to do, so that it can be told and, for devices where it failed, asked again. Values of secret
-- parameters are not among it, only their names.
alter table script_runs
  add column script_id uuid references scripts,
  add column script_version integer,
  add column script_name text,
  add column parameters jsonb not null default '{}',
  add column secrets text[] not null default '{}',
  add column arguments text[] not null default '{}',
  add column run_as text,
  add column working_directory text,
  add column concurrency integer,
  add column retry_of uuid references script_runs;
create index script_runs_by_script on script_runs (script_id, created_at desc, id desc) where script_id is not null;
