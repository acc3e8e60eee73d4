-- The console shows whose it is.
create or replace function auth_session(presented bytea) returns jsonb language sql stable security definer set search_path = public, pg_temp as $$
  select jsonb_build_object(
    'session', jsonb_build_object('id', s.id, 'methods', s.methods, 'proven_at', s.proven_at, 'expires_at', s.expires_at,
      'last_used_at', s.last_used_at),
    'email', u.email,
    'name', u.name,
    'organization', u.organization_id,
    'partner_name', (select p.name from partners p where p.id = u.partner_id),
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
