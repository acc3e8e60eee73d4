-- A session is calls with less than half an hour between them. Kept with the last use, which is written anyway: when the
-- session before the present one ended.
alter table api_keys add column previous_session_at timestamptz;
alter table oauth_grants add column previous_session_at timestamptz;
alter table sessions add column previous_session_at timestamptz;

-- Of a credential that was last used then, at a use at this time.
create function session_before(last_used timestamptz, previous timestamptz, at timestamptz) returns timestamptz
language sql immutable parallel safe
return case when at - last_used > interval '30 minutes' then last_used else previous end;
revoke all on function session_before(timestamptz, timestamptz, timestamptz) from public;

create or replace function auth_oauth_token(presented bytea) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object(
      'grant', json_build_object('id', g.id, 'name', g.client_name, 'scopes', g.scopes,
        'token_scope', t.payload->>'scope', 'expires_at', least(t.expires_at, g.expires_at),
        'last_session_at', session_before(g.last_used_at, g.previous_session_at, now())),
      'rights', auth_rights(u, g.organization_ids, g.id::text))
    from oauth_store t
    join oauth_grants g on g.id = t.grant_id
    join users u on u.id = g.user_id
    left join organizations o on o.id = u.organization_id
    left join oauth_clients c on c.id = g.client_id
    where t.model = 'AccessToken' and t.id_hash = presented and t.expires_at > now()
      and g.revoked_at is null and g.expires_at > now() and c.blocked_at is null
      and u.disabled_at is null and o.suspended_at is null);
end
$$;

create or replace function auth_api_key(presented bytea) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object(
      'key', json_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes, 'ip_allow_list', k.ip_allow_list,
        'expires_at', case when k.hash = presented then k.expires_at else least(k.expires_at, k.former_expires_at) end,
        'last_session_at', session_before(k.last_used_at, k.previous_session_at, now())),
      'rights', auth_rights(u, k.organization_ids, k.id::text))
    from api_keys k join users u on u.id = k.user_id
    left join users w on w.id = u.owner_id
    where (k.hash = presented or (k.former_hash = presented and k.former_expires_at > now()))
      and k.deleted_at is null and (k.expires_at is null or k.expires_at > now())
      and u.disabled_at is null and w.disabled_at is null);
end
$$;

create or replace function auth_session(presented bytea) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object(
      'session', json_build_object('id', s.id, 'methods', s.methods, 'proven_at', s.proven_at, 'expires_at', s.expires_at,
        'last_session_at', session_before(s.last_used_at, s.previous_session_at, now())),
      'email', u.email,
      'name', u.name,
      'organization', u.organization_id,
      'partner_name', (select p.name from partners p where p.id = u.partner_id),
      'proofs', json_build_object(
        'password', u.password_hash is not null,
        'totp', exists (select from totp_factors t where t.user_id = u.id and t.confirmed_at is not null),
        'passkey', exists (select from passkeys p where p.user_id = u.id),
        'recovery', exists (select from recovery_codes r where r.user_id = u.id and r.used_at is null)),
      'rights', auth_rights(u, null, s.id::text))
    from sessions s join users u on u.id = s.user_id
    left join organizations o on o.id = u.organization_id
    where s.hash = presented and s.stage = 'open' and s.revoked_at is null
      and s.expires_at > now() and s.last_used_at > now() - interval '12 hours'
      and u.disabled_at is null and o.suspended_at is null);
end
$$;
