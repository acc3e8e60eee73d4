-- What agents work by, where an organization or the partner wants it otherwise than the server's own defaults.
create table agent_settings (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: every organization of the partner that has no value of its own.
  organization_id uuid references organizations,
  -- Some fields of the agents' configuration.
  settings jsonb not null,
  updated_by uuid not null,
  updated_at timestamptz not null
);
create unique index agent_settings_key on agent_settings
  (partner_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'));
call protect_table('agent_settings', 'partner');
grant select, insert, update, delete on agent_settings to breeze_app;
