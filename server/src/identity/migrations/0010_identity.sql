create table partners (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table organizations (
  id uuid primary key,
  partner_id uuid not null references partners,
  name text not null check (length(name) between 1 and 200),
  -- The server's own machine lives in an internal organization that only Partner Admins see.
  kind text not null default 'customer' check (kind in ('customer', 'internal')),
  assistants_enabled boolean not null default true,
  -- A call that touches more devices than this needs a second person.
  approval_limit integer not null default 25 check (approval_limit > 0),
  suspended_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index organizations_name on organizations (partner_id, lower(name));
alter table organizations enable row level security;
alter table organizations force row level security;
create policy reach on organizations to breeze_app
  using (id = any ((select breeze_organizations())::uuid[]))
  with check (partner_id = (select breeze_partner()) and (select breeze_partner_wide()));
create policy worker on organizations to current_user using (true) with check (true);
grant select, insert, update on organizations to breeze_app;

create table sites (
  id uuid primary key,
  organization_id uuid not null references organizations,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default now()
);
create unique index sites_name on sites (organization_id, lower(name));
alter table sites enable row level security;
alter table sites force row level security;
create policy reach on sites to breeze_app
  using (organization_id = any ((select breeze_whole_organizations())::uuid[]) or id = any ((select breeze_sites())::uuid[]))
  with check (organization_id = any ((select breeze_whole_organizations())::uuid[]));
create policy worker on sites to current_user using (true) with check (true);
grant select, insert, update on sites to breeze_app;

create table users (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null for the partner's own people.
  organization_id uuid references organizations,
  kind text not null check (kind in ('person', 'service')),
  -- Who answers for a service user.
  owner_id uuid references users,
  email text,
  name text not null,
  password_hash text,
  disabled_at timestamptz,
  created_at timestamptz not null default now(),
  check ((kind = 'person' and email is not null) or (kind = 'service' and owner_id is not null and password_hash is null))
);
create unique index users_email on users (lower(email));
call protect_table('users', 'partner');
grant select (id, partner_id, organization_id, kind, owner_id, email, name, disabled_at, created_at) on users to breeze_app;
grant insert on users to breeze_app;
grant update (name, disabled_at, password_hash) on users to breeze_app;

-- Roles are data: what they may do, and at which level they are given.
create table roles (
  id text primary key,
  name text not null,
  level text not null check (level in ('partner', 'organization')),
  admin boolean not null,
  permissions text[] not null
);
grant select on roles to breeze_app;
insert into roles (id, name, level, admin, permissions) values
  ('partner_admin', 'Partner Admin', 'partner', true, '{devices.read,devices.write,devices.execute,scripts.read,scripts.execute,operations.read,operations.write,audit.read,organizations.read,organizations.write,users.read,users.write,keys.read,keys.write,enrollment.write,governance.read,governance.write,mcp.write}'),
  ('partner_technician', 'Partner Technician', 'partner', false, '{devices.read,devices.write,devices.execute,scripts.read,scripts.execute,operations.read,operations.write,organizations.read,keys.read,keys.write,enrollment.write,governance.read,mcp.write}'),
  ('account_manager', 'Account Manager', 'partner', false, '{devices.read,scripts.read,operations.read,organizations.read,keys.read,keys.write,governance.read,mcp.write}'),
  ('partner_viewer', 'Partner Viewer', 'partner', false, '{devices.read,scripts.read,operations.read,organizations.read,governance.read}'),
  ('organization_admin', 'Organization Admin', 'organization', true, '{devices.read,devices.write,devices.execute,scripts.read,scripts.execute,operations.read,operations.write,audit.read,organizations.read,users.read,users.write,keys.read,keys.write,enrollment.write,governance.read,governance.write,mcp.write}'),
  ('technician', 'Technician', 'organization', false, '{devices.read,devices.write,devices.execute,scripts.read,scripts.execute,operations.read,operations.write,organizations.read,keys.read,keys.write,mcp.write}'),
  ('viewer', 'Viewer', 'organization', false, '{devices.read,scripts.read,operations.read,organizations.read}');

create table role_assignments (
  id uuid primary key,
  partner_id uuid not null references partners,
  user_id uuid not null references users on delete cascade,
  role_id text not null references roles,
  -- Null: every customer organization of the partner, those added later included.
  organization_id uuid references organizations,
  -- Null: every site of that organization.
  site_ids uuid[],
  check (site_ids is null or organization_id is not null)
);
create index role_assignments_user on role_assignments (user_id);
call protect_table('role_assignments', 'partner');
grant select, insert, delete on role_assignments to breeze_app;

create table api_keys (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Set when the key reaches exactly one organization: that organization's people may then see it.
  organization_id uuid references organizations,
  -- Null: whatever its user reaches.
  organization_ids uuid[],
  user_id uuid not null references users,
  created_by uuid not null references users,
  name text not null check (length(name) between 1 and 200),
  -- The first characters, for telling keys apart in a list.
  prefix text not null,
  hash bytea not null unique,
  -- While a rotation overlaps, the former key still opens.
  former_hash bytea unique,
  former_expires_at timestamptz,
  scopes text[] not null,
  ip_allow_list cidr[],
  expires_at timestamptz,
  last_used_at timestamptz,
  last_used_ip text,
  deleted_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_user on api_keys (user_id);
create index api_keys_list on api_keys (partner_id, created_at desc, id desc);
call protect_table('api_keys', 'partner');
grant select (id, partner_id, organization_id, organization_ids, user_id, created_by, name, prefix, scopes, ip_allow_list, expires_at, former_expires_at, last_used_at, last_used_ip, deleted_at, created_at) on api_keys to breeze_app;
grant insert on api_keys to breeze_app;
grant update (name, scopes, expires_at, ip_allow_list, hash, prefix, former_hash, former_expires_at, deleted_at) on api_keys to breeze_app;
