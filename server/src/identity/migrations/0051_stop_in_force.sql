-- Asked again by each act as it commits: a stop may have come since its caller was let in. An organization's own users
-- can't list a stop on everything, so that this runs with the owner's rights.
create function stop_in_force(p_credential text, p_organizations uuid[])
returns table (organization_id uuid, credential_id text, reason text)
language sql stable security definer set search_path = public, pg_temp as $$
  select s.organization_id, s.credential_id, s.reason
  from emergency_stops s
  where s.partner_id = breeze_partner() and s.lifted_at is null
    and (s.credential_id = p_credential
      or (s.credential_id is null and (s.organization_id is null or s.organization_id = any (p_organizations))))
  order by s.stopped_at, s.id limit 1
$$;
revoke all on function stop_in_force(text, uuid[]) from public;
grant execute on function stop_in_force(text, uuid[]) to breeze_app;
