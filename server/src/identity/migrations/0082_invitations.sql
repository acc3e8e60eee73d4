-- Links that let a person in once. Only hashes of their tokens are stored.
create table invitations (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Whose person they become; null for the partner's own.
  organization_id uuid references organizations,
  email text not null,
  name text,
  -- What they will hold: [{ "role", "organization", "sites" }].
  roles jsonb not null,
  roles_text text not null,
  hash bytea not null unique,
  invited_by uuid not null references users,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  revoked_at timestamptz
);
create index invitations_list on invitations (partner_id, created_at desc, id desc);
call protect_table('invitations', 'partner');
grant select (id, partner_id, organization_id, email, name, roles, roles_text, invited_by, created_at, expires_at, accepted_at, revoked_at) on invitations to breeze_app;
grant insert on invitations to breeze_app;
grant update (revoked_at) on invitations to breeze_app;

create table password_resets (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  user_id uuid not null references users on delete cascade,
  -- Null: the person asked for it by mail.
  created_by uuid references users,
  -- For somebody who lost their second factor: it goes with the password.
  clears_factors boolean not null,
  hash bytea not null unique,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index password_resets_user on password_resets (user_id);
call protect_table('password_resets', 'partner');
grant select (id, partner_id, organization_id, user_id, created_by, clears_factors, created_at, expires_at, used_at) on password_resets to breeze_app;
grant insert on password_resets to breeze_app;
grant update (used_at) on password_resets to breeze_app;
