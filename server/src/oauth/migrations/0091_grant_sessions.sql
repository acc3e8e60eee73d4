-- How many sign-ins of a program are alive under one grant: each can renew by a refresh token of its own, or still holds an
-- access token. Asked for grants that the caller sees; a number is all that leaves.
create function oauth_grant_sessions(p_grant uuid) returns integer
language sql stable security definer set search_path = public, pg_temp as $$
  select greatest(
    count(*) filter (where t.model = 'RefreshToken' and t.consumed_at is null),
    least(1, count(*) filter (where t.model = 'AccessToken')))::integer
  from oauth_store t where t.grant_id = p_grant and t.expires_at > now()
$$;
revoke all on function oauth_grant_sessions(uuid) from public;
grant execute on function oauth_grant_sessions(uuid) to breeze_app;
