-- Acts that go on after their call ask for the rights of whoever began them, by the credential's id: nothing is presented again.
-- A person's act goes on after their session; the rights that count are the person's.
create function auth_stored(kind text, credential text, subject uuid) returns json
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  if kind in ('session', 'operator') then
    return (
      select json_build_object('scopes', null, 'rights', auth_rights(u, null, credential))
      from users u left join users w on w.id = u.owner_id left join organizations o on o.id = u.organization_id
      where u.id = subject and u.disabled_at is null and w.disabled_at is null and o.suspended_at is null);
  end if;
  if kind = 'api_key' then
    return (
      select json_build_object('scopes', k.scopes, 'rights', auth_rights(u, k.organization_ids, k.id::text))
      from api_keys k join users u on u.id = k.user_id left join users w on w.id = u.owner_id
      where k.id = credential::uuid and u.id = subject and k.deleted_at is null and (k.expires_at is null or k.expires_at > now())
        and u.disabled_at is null and w.disabled_at is null);
  end if;
  if kind = 'oauth_grant' then
    return (
      select json_build_object('scopes', g.scopes, 'rights', auth_rights(u, g.organization_ids, g.id::text))
      from oauth_grants g join users u on u.id = g.user_id
      left join organizations o on o.id = u.organization_id
      left join oauth_clients c on c.id = g.client_id
      where g.id = credential::uuid and u.id = subject and g.revoked_at is null and g.expires_at > now() and c.blocked_at is null
        and u.disabled_at is null and o.suspended_at is null);
  end if;
  return null;
end
$$;
revoke all on function auth_stored(text, text, uuid) from public;
grant execute on function auth_stored(text, text, uuid) to breeze_auth;

-- Who executes on devices may patch them; what is approved is set by those who set other rules.
update roles set permissions = permissions || '{patches.execute}' where 'devices.execute' = any (permissions);
update roles set permissions = permissions || '{patches.write}' where admin or id = 'partner_technician';
