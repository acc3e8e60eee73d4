-- The credential look-ups happen at every request, so they say facts and leave it to the server to join them: what a role
-- holds, who holds which role where, which organizations there are. Half the work of before, and statements that every
-- version of PostgreSQL plans once per connection.

-- Who is it, and with which rights now. `credential`: what a stop may name.
create function auth_rights(subject users, reach uuid[], credential text) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  held json;
  roles_held text[];
  known json;
  reached json;
  stop text;
  stopped uuid[];
begin
  select json_agg(json_build_object('role', a.role_id, 'organization', a.organization_id, 'sites', a.site_ids)),
      array_agg(a.role_id)
    into held, roles_held
    from role_assignments a where a.user_id = subject.id;
  select json_object_agg(r.id, json_build_object('permissions', r.permissions, 'admin', r.admin, 'level', r.level))
    into known
    from roles r where r.id = any (roles_held);
  select min(s.reason) filter (where s.credential_id = credential or (s.credential_id is null and s.organization_id is null)),
      array_agg(s.organization_id) filter (where s.credential_id is null and s.organization_id is not null)
    into stop, stopped
    from emergency_stops s where s.partner_id = subject.partner_id and s.lifted_at is null;
  select json_agg(json_build_object('id', o.id, 'name', o.name, 'internal', o.kind = 'internal',
        'stopped', coalesce(o.id = any (stopped), false), 'assistants', o.assistants_enabled,
        'approval_limit', o.approval_limit) order by o.name)
    into reached
    from organizations o
    where o.partner_id = subject.partner_id and o.suspended_at is null
      and (subject.organization_id is null or subject.organization_id = o.id)
      and (reach is null or o.id = any (reach));
  return json_build_object(
    'user', json_build_object('id', subject.id, 'name', coalesce(subject.email, subject.name), 'kind', subject.kind),
    'partner', subject.partner_id,
    'partner_wide', subject.organization_id is null and reach is null,
    'held', coalesce(held, '[]'), 'roles', coalesce(known, '{}'),
    'stopped', stop, 'organizations', coalesce(reached, '[]'));
end
$$;

drop function auth_oauth_token(bytea), auth_api_key(bytea), auth_session(bytea), auth_user(uuid);
drop function auth_rights(users, uuid[]);

-- The grant's row decides; of its scopes, a token holds those that it was asked for.
create function auth_oauth_token(presented bytea) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object(
      'grant', json_build_object('id', g.id, 'name', g.client_name, 'scopes', g.scopes,
        'token_scope', t.payload->>'scope', 'expires_at', least(t.expires_at, g.expires_at),
        'last_used_at', g.last_used_at),
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

create function auth_api_key(presented bytea) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object(
      'key', json_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes, 'ip_allow_list', k.ip_allow_list,
        'expires_at', case when k.hash = presented then k.expires_at else least(k.expires_at, k.former_expires_at) end,
        'last_used_at', k.last_used_at),
      'rights', auth_rights(u, k.organization_ids, k.id::text))
    from api_keys k join users u on u.id = k.user_id
    left join users w on w.id = u.owner_id
    where (k.hash = presented or (k.former_hash = presented and k.former_expires_at > now()))
      and k.deleted_at is null and (k.expires_at is null or k.expires_at > now())
      and u.disabled_at is null and w.disabled_at is null);
end
$$;

create function auth_session(presented bytea) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object(
      'session', json_build_object('id', s.id, 'methods', s.methods, 'proven_at', s.proven_at, 'expires_at', s.expires_at,
        'last_used_at', s.last_used_at),
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

-- For those who act in person on the server's own machine.
create function auth_user(wanted uuid) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (
    select json_build_object('rights', auth_rights(u, null, null))
    from users u left join users w on w.id = u.owner_id
    where u.id = wanted and u.disabled_at is null and w.disabled_at is null);
end
$$;

revoke all on function auth_rights(users, uuid[], text), auth_oauth_token(bytea), auth_api_key(bytea), auth_session(bytea),
  auth_user(uuid) from public;
grant execute on function auth_oauth_token(bytea), auth_api_key(bytea), auth_session(bytea), auth_user(uuid) to breeze_auth;
