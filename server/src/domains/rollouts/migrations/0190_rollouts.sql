-- A change over many devices that goes in stages: what was confirmed, how far it came, and whose act it is.
create table rollouts (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_ids uuid[] not null,
  operation_id uuid not null unique references operations,
  -- What carries it out on each device.
  kind text not null,
  -- Stages, gate, soak time and patience, as they were confirmed.
  plan jsonb not null,
  -- What is done on a device, in the shape of its kind.
  task jsonb not null,
  -- The rights of this credential are asked for anew before each act.
  user_id uuid not null,
  user_name text not null,
  credential_kind text not null,
  credential_id text not null,
  credential_name text not null,
  -- Null: all that its user may.
  scopes text[],
  client text,
  state text not null check (state in ('running', 'soaking', 'paused', 'stopped', 'cancelled', 'finished')),
  reason text,
  -- The last stage that has begun.
  stage integer,
  starts_at timestamptz not null,
  soak_until timestamptz,
  -- Of the stage: how long devices that could not be reached are waited for.
  patience_until timestamptz,
  -- Devices that have not begun by then are given up.
  give_up_at timestamptz not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  finished_at timestamptz
);
create index rollouts_open on rollouts (id) where finished_at is null;
create index rollouts_list on rollouts (partner_id, created_at desc, id desc);
call protect_table('rollouts', 'several');
-- Seen by whoever sees its operation, which knows the sites it touches.
drop policy reach on rollouts;
create policy reach on rollouts to breeze_app
  using (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = rollouts.operation_id))
  with check (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = rollouts.operation_id));
grant select, insert on rollouts to breeze_app;
grant update (user_id, user_name, credential_kind, credential_id, credential_name, scopes, client, state, reason, stage, soak_until,
  patience_until, changed_at, finished_at) on rollouts to breeze_app;

create table rollout_devices (
  rollout_id uuid not null references rollouts on delete cascade,
  device_id uuid not null,
  organization_id uuid not null,
  site_id uuid not null,
  stage integer not null,
  -- `waiting`: its stage has not begun; `due`: it begins at `due_at`; `done`: nothing more happens to it. Between them, what its kind says.
  phase text not null default 'waiting',
  -- What counts at the gate; may be known before everything is done.
  outcome text check (outcome in ('succeeded', 'failed', 'passed_over', 'cancelled')),
  reason text,
  -- The device's own words, not the server's.
  reason_by_device boolean not null default false,
  due_at timestamptz,
  -- The command that is waited for.
  command_id uuid,
  -- In the shape of its kind.
  detail jsonb not null default '{}',
  phase_since timestamptz,
  finished_at timestamptz,
  primary key (rollout_id, device_id)
);
create index rollout_devices_open on rollout_devices (rollout_id, phase) where phase <> 'done';
create index rollout_devices_failed on rollout_devices (device_id, finished_at desc) where outcome = 'failed';
call protect_table('rollout_devices', 'site');
grant select, insert on rollout_devices to breeze_app;
grant update (phase, outcome, reason, reason_by_device, due_at, command_id, detail, phase_since, finished_at) on rollout_devices to breeze_app;
