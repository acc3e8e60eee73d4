-- A person at the console. The cookie's value is stored as a keyed hash only.
create table sessions (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  user_id uuid not null references users on delete cascade,
  hash bytea not null unique,
  -- `second_factor`: the password was right, the second factor is still to come; it opens nothing.
  stage text not null check (stage in ('second_factor', 'open')),
  -- How the person proved who they are: password, totp, recovery, passkey, provider.
  methods text[] not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  -- The last time the person proved it again: sensitive settings ask how long ago that was.
  proven_at timestamptz not null,
  expires_at timestamptz not null,
  ip text,
  user_agent text,
  revoked_at timestamptz
);
create index sessions_user on sessions (user_id, created_at desc) where revoked_at is null;
create index sessions_expired on sessions (expires_at);
call protect_table('sessions', 'partner');
grant select (id, partner_id, organization_id, user_id, stage, methods, created_at, last_used_at, proven_at, expires_at, ip, user_agent, revoked_at) on sessions to breeze_app;
grant update (revoked_at) on sessions to breeze_app;

-- Twelve hours without a sign of life end a session, whatever its own end says.
create function auth_session(presented bytea) returns jsonb language sql stable security definer set search_path = public, pg_temp as $$
  select jsonb_build_object(
    'session', jsonb_build_object('id', s.id, 'methods', s.methods, 'proven_at', s.proven_at, 'expires_at', s.expires_at,
      'last_used_at', s.last_used_at),
    'email', u.email,
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
