-- A rollout that takes back what another one did, and by which one each device was.
alter table rollouts add column undoes uuid;
create index rollouts_undoing on rollouts (undoes, created_at desc) where undoes is not null;
alter table rollout_devices add column undone_by uuid;
grant update (undone_by) on rollout_devices to breeze_app;
