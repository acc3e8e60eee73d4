-- Why a rule is no longer looked after, though it is enabled: whoever made it lost the right to run scripts.
alter table alert_rules add column halted text;

-- The script of a rule that runs one, and whose act each round is.
create table script_checks (
  rule_id uuid primary key references alert_rules on delete cascade,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  -- The act that was confirmed; the commands of the rounds belong to it.
  operation_id uuid not null references operations,
  -- What devices are sent, as it was confirmed.
  body jsonb not null,
  -- Systems that the script is for; empty: any.
  os text[] not null default '{}',
  -- The rights of this credential are asked for anew before each round.
  user_id uuid not null,
  user_name text not null,
  credential_kind text not null,
  credential_id text not null,
  credential_name text not null,
  -- Null: all that its user may.
  scopes text[],
  client text
);
call protect_table('script_checks', 'partner');
grant select, insert, update on script_checks to breeze_app;

create table script_check_devices (
  rule_id uuid not null references alert_rules on delete cascade,
  device_id uuid not null references devices on delete cascade,
  organization_id uuid not null,
  site_id uuid not null,
  -- The one that is under way.
  command_id uuid,
  due_at timestamptz not null,
  verdict text check (verdict in ('fire', 'clear', 'no_data')),
  -- Why there is no data, in the server's own words.
  reason text,
  exit_code bigint,
  -- The end of what the script wrote.
  output text,
  judged_at timestamptz,
  primary key (rule_id, device_id)
);
create index script_check_devices_under_way on script_check_devices (command_id) where command_id is not null;
create index script_check_devices_of_device on script_check_devices (device_id);
call protect_table('script_check_devices', 'site');
grant select, insert, update, delete on script_check_devices to breeze_app;
