-- What a person proves beside, or instead of, the password. Secrets of codes are sealed with a key outside the database.
create table totp_factors (
  user_id uuid primary key references users on delete cascade,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  secret bytea not null,
  created_at timestamptz not null,
  -- Null until the person has shown a code: it counts for nothing before.
  confirmed_at timestamptz,
  -- The last step whose code was accepted: each is accepted once.
  last_step bigint not null default 0
);
call protect_table('totp_factors', 'partner');
grant select (user_id, partner_id, organization_id, created_at, confirmed_at) on totp_factors to breeze_app;

create table recovery_codes (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  hash bytea not null,
  created_at timestamptz not null,
  used_at timestamptz,
  unique (user_id, hash)
);
call protect_table('recovery_codes', 'partner');
grant select (id, user_id, partner_id, organization_id, created_at, used_at) on recovery_codes to breeze_app;

create table passkeys (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  name text not null check (length(name) between 1 and 200),
  -- base64url, as the browser says it.
  credential_id text not null unique check (length(credential_id) <= 1400),
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index passkeys_user on passkeys (user_id, created_at);
call protect_table('passkeys', 'partner');
grant select (id, user_id, partner_id, organization_id, name, created_at, last_used_at) on passkeys to breeze_app;

-- What the next request of this browser must answer: a challenge, or the state of a sign-in elsewhere. Works once.
create table browser_flows (
  hash bytea primary key,
  kind text not null,
  data jsonb not null,
  expires_at timestamptz not null
);
create index browser_flows_expired on browser_flows (expires_at);

create or replace function auth_session(presented bytea) returns jsonb language sql stable security definer set search_path = public, pg_temp as $$
  select jsonb_build_object(
    'session', jsonb_build_object('id', s.id, 'methods', s.methods, 'proven_at', s.proven_at, 'expires_at', s.expires_at,
      'last_used_at', s.last_used_at),
    'email', u.email,
    'name', u.name,
    'organization', u.organization_id,
    'proofs', jsonb_build_object(
      'password', u.password_hash is not null,
      'totp', exists (select from totp_factors t where t.user_id = u.id and t.confirmed_at is not null),
      'passkey', exists (select from passkeys p where p.user_id = u.id),
      'recovery', exists (select from recovery_codes r where r.user_id = u.id and r.used_at is null)),
    'stopped', (select e.reason from emergency_stops e where e.credential_id = s.id::text and e.lifted_at is null limit 1),
    'rights', auth_rights(u, null))
  from sessions s join users u on u.id = s.user_id
  left join organizations o on o.id = u.organization_id
  where s.hash = presented and s.stage = 'open' and s.revoked_at is null
    and s.expires_at > now() and s.last_used_at > now() - interval '12 hours'
    and u.disabled_at is null and o.suspended_at is null
$$;
revoke all on function auth_session(bytea) from public;
grant execute on function auth_session(bytea) to breeze_auth;
