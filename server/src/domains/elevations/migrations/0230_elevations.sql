-- A scope that a person granted to a key or a grant beside its own: at one organization, until its end.
create table elevations (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_id uuid not null references organizations,
  credential_kind text not null check (credential_kind in ('api_key', 'oauth_grant')),
  credential_id text not null,
  credential_name text not null,
  user_id uuid not null,
  user_name text not null,
  scope text not null,
  minutes integer not null check (minutes between 5 and 480),
  reason text not null,
  -- The request, and who granted it.
  operation_id uuid not null unique references operations,
  granted_by uuid not null,
  granted_by_name text not null,
  started_at timestamptz not null,
  ends_at timestamptz not null,
  ended_at timestamptz,
  ended_because text check (ended_because in ('time', 'person', 'emergency_stop', 'credential')),
  ended_by uuid,
  ended_by_name text,
  -- Since when the audit tells of its end.
  told_at timestamptz,
  check ((ended_at is null) = (ended_because is null))
);
create index elevations_open on elevations (credential_id) where ended_at is null;
create index elevations_untold on elevations (id) where told_at is null;
create index elevations_list on elevations (partner_id, started_at desc, id desc);
call protect_table('elevations', 'partner');
grant select, insert on elevations to breeze_app;
grant update (ended_at, ended_because, ended_by, ended_by_name) on elevations to breeze_app;

-- Of a request that only an administrator may approve.
alter table approvals add column admin_only boolean not null default false;
create index approvals_of_credential on approvals (credential_id, requested_at desc);

-- What a credential was granted for a while comes with the rights of its user, in the one look-up.
create or replace function auth_rights(subject users, reach uuid[], credential text) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  held json;
  roles_held text[];
  known json;
  reached json;
  stop text;
  stopped uuid[];
  elevated json;
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
  select json_agg(json_build_object('id', e.id, 'scope', e.scope, 'organization', e.organization_id, 'ends_at', e.ends_at))
    into elevated
    from elevations e where e.credential_id = credential and e.user_id = subject.id and e.ended_at is null;
  return json_build_object(
    'user', json_build_object('id', subject.id, 'name', coalesce(subject.email, subject.name), 'kind', subject.kind),
    'partner', subject.partner_id,
    'partner_wide', subject.organization_id is null and reach is null,
    'held', coalesce(held, '[]'), 'roles', coalesce(known, '{}'),
    'stopped', stop, 'elevations', coalesce(elevated, '[]'), 'organizations', coalesce(reached, '[]'));
end
$$;

-- A stored act has no address to be let in from: with the list of its key, that of its call is looked at again.
create or replace function auth_stored(kind text, credential text, subject uuid) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  if kind in ('session', 'operator') then
    return (
      select json_build_object('scopes', null, 'ip_allow_list', null, 'rights', auth_rights(u, null, credential))
      from users u left join users w on w.id = u.owner_id left join organizations o on o.id = u.organization_id
      where u.id = subject and u.disabled_at is null and w.disabled_at is null and o.suspended_at is null);
  end if;
  if kind = 'api_key' then
    return (
      select json_build_object('scopes', k.scopes, 'ip_allow_list', k.ip_allow_list,
        'rights', auth_rights(u, k.organization_ids, k.id::text))
      from api_keys k join users u on u.id = k.user_id left join users w on w.id = u.owner_id
      where k.id = credential::uuid and u.id = subject and k.deleted_at is null and (k.expires_at is null or k.expires_at > now())
        and u.disabled_at is null and w.disabled_at is null);
  end if;
  if kind = 'oauth_grant' then
    return (
      select json_build_object('scopes', g.scopes, 'ip_allow_list', null, 'rights', auth_rights(u, g.organization_ids, g.id::text))
      from oauth_grants g join users u on u.id = g.user_id
      left join organizations o on o.id = u.organization_id
      left join oauth_clients c on c.id = g.client_id
      where g.id = credential::uuid and u.id = subject and g.revoked_at is null and g.expires_at > now() and c.blocked_at is null
        and u.disabled_at is null and o.suspended_at is null);
  end if;
  return null;
end
$$;
