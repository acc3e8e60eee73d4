-- Who may act may be the second person for an act.
update roles set permissions = permissions || '{approvals.write}' where 'devices.execute' = any (permissions);

-- Whose a service user is: what it asks for is not for its owner to approve.
create function owner_of(p_user uuid) returns uuid
language sql stable security definer set search_path = public, pg_temp as $$
  select u.owner_id from users u where u.id = p_user and u.partner_id = breeze_partner()
$$;
revoke all on function owner_of(uuid) from public;
grant execute on function owner_of(uuid) to breeze_app;
