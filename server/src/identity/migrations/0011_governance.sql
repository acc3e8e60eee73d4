-- How a call is confirmed: the most specific row wins; without one, the defaults by tier and blast radius.
create table confirmation_policies (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  area text,
  tier smallint check (tier in (2, 3)),
  tool text,
  policy text not null check (policy in ('client', 'preview', 'elicit', 'approver')),
  created_at timestamptz not null default now()
);
create unique index confirmation_policies_key on confirmation_policies
  (partner_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000'), coalesce(area, ''), coalesce(tier, 0), coalesce(tool, ''));
call protect_table('confirmation_policies', 'partner');
grant select, insert, update, delete on confirmation_policies to breeze_app;

-- A row that is not lifted refuses all tier 2–3 calls of its subject.
create table emergency_stops (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  -- Set: only this key or grant. Neither set: everything.
  credential_id text,
  reason text not null,
  stopped_by uuid not null references users,
  stopped_at timestamptz not null default now(),
  lifted_by uuid references users,
  lifted_at timestamptz
);
create index emergency_stops_active on emergency_stops (partner_id) where lifted_at is null;
call protect_table('emergency_stops', 'partner');
grant select, insert on emergency_stops to breeze_app;
grant update (lifted_by, lifted_at) on emergency_stops to breeze_app;

-- The two credential look-ups: all that the auth login may do. One statement answers who calls and with which rights now.
create function auth_rights(subject users, reach uuid[]) returns jsonb language sql stable security definer set search_path = public as $$
  with assigned as (
    select a.organization_id, a.site_ids, a.role_id, r.permissions, r.admin, r.level
    from role_assignments a join roles r on r.id = a.role_id
    where a.user_id = subject.id
  ),
  stops as (
    select organization_id, credential_id, reason from emergency_stops
    where partner_id = subject.partner_id and lifted_at is null
  ),
  reached as (
    select o.id, o.name, o.approval_limit, o.assistants_enabled, a.site_ids, a.role_id,
      exists (select from stops s where s.organization_id = o.id and s.credential_id is null) as stopped
    from organizations o
    join assigned a on (a.organization_id = o.id)
      or (a.organization_id is null and (o.kind = 'customer' or a.role_id = 'partner_admin'))
    where o.partner_id = subject.partner_id and o.suspended_at is null
      and (subject.organization_id is null or subject.organization_id = o.id)
      and (reach is null or o.id = any (reach))
  )
  select jsonb_build_object(
    'user', jsonb_build_object('id', subject.id, 'name', coalesce(subject.email, subject.name), 'kind', subject.kind),
    'partner', subject.partner_id,
    'admin', coalesce((select bool_or(admin) from assigned), false),
    -- Told once, not per organization: a partner's user reaches hundreds of them with one role.
    'admin_roles', coalesce((select jsonb_agg(distinct role_id) from assigned where admin), '[]'),
    'roles', coalesce((select jsonb_object_agg(role_id, permissions) from assigned), '{}'),
    'partner_roles', case when subject.organization_id is null and reach is null then
      coalesce((select jsonb_agg(role_id) from assigned where organization_id is null and level = 'partner'), '[]') else '[]' end,
    'stopped', (select reason from stops where organization_id is null and credential_id is null limit 1),
    'organizations', coalesce((select jsonb_agg(jsonb_build_object(
        'id', id, 'name', name, 'role', role_id, 'sites', site_ids, 'stopped', stopped,
        'assistants', assistants_enabled, 'approval_limit', approval_limit)) from reached), '[]')
  )
$$;

create function auth_api_key(presented bytea) returns jsonb language sql stable security definer set search_path = public as $$
  select jsonb_build_object(
    'key', jsonb_build_object('id', k.id, 'name', k.name, 'scopes', k.scopes, 'ip_allow_list', k.ip_allow_list,
      'expires_at', case when k.hash = presented then k.expires_at else least(k.expires_at, k.former_expires_at) end,
      'last_used_at', k.last_used_at),
    'stopped', (select s.reason from emergency_stops s where s.credential_id = k.id::text and s.lifted_at is null limit 1),
    'rights', auth_rights(u, k.organization_ids))
  from api_keys k join users u on u.id = k.user_id
  left join users w on w.id = u.owner_id
  where (k.hash = presented or (k.former_hash = presented and k.former_expires_at > now()))
    and k.deleted_at is null and (k.expires_at is null or k.expires_at > now())
    and u.disabled_at is null and w.disabled_at is null
$$;

create function auth_user(wanted uuid) returns jsonb language sql stable security definer set search_path = public as $$
  select jsonb_build_object('rights', auth_rights(u, null))
  from users u left join users w on w.id = u.owner_id
  where u.id = wanted and u.disabled_at is null and w.disabled_at is null
$$;

revoke all on function auth_rights(users, uuid[]), auth_api_key(bytea), auth_user(uuid) from public;
grant execute on function auth_api_key(bytea), auth_user(uuid) to breeze_auth;
