-- The script that takes back what this one does; which version of it, the run says.
alter table script_versions add column undo_script uuid;
alter table script_runs
  add column undo_script uuid,
  add column undo_version integer;
