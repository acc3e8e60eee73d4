-- Which updates are approved, and which are blocked everywhere.
create table patch_rules (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: devices of every organization of the partner.
  organization_id uuid references organizations,
  name text not null,
  decision text not null check (decision in ('approve', 'block')),
  -- Names, articles, severities, classification; empty: every update.
  match jsonb not null default '{}',
  delay_days integer not null default 0 check (delay_days between 0 and 365),
  updated_at timestamptz not null,
  updated_by uuid not null
);
create index patch_rules_by_name on patch_rules (partner_id, lower(name), id);
call protect_table('patch_rules', 'partner');
grant select, insert, update, delete on patch_rules to breeze_app;

-- Rules of the partner hold for its organizations' own users as well, who can't list them.
create function patch_rules_for(p_organizations uuid[])
returns table (id uuid, organization_id uuid, name text, decision text, match jsonb, delay_days integer)
language sql stable security definer set search_path = public, pg_temp as $$
  select r.id, r.organization_id, r.name, r.decision, r.match, r.delay_days
  from patch_rules r
  where r.partner_id = breeze_partner() and (r.organization_id is null or r.organization_id = any (p_organizations))
  order by r.id limit 2000
$$;
revoke all on function patch_rules_for(uuid[]) from public;
grant execute on function patch_rules_for(uuid[]) to breeze_app;
