-- All rules that decide about calls in an organization (null: about calls in none), the partner's included: its own people
-- meet those at every call, and are told them here.
create function confirmation_policies_of(p_organization uuid)
returns table (organization_id uuid, area text, tier smallint, tool text, policy text)
language sql stable security definer set search_path = public, pg_temp as $$
  select c.organization_id, c.area, c.tier, c.tool, c.policy
  from confirmation_policies c
  where c.partner_id = breeze_partner()
    and (c.organization_id is null or (c.organization_id = p_organization and c.organization_id = any (breeze_organizations())))
  order by 1, 2, 3, 4
  limit 1000
$$;
revoke all on function confirmation_policies_of(uuid) from public;
grant execute on function confirmation_policies_of(uuid) to breeze_app;
