-- What the authorization server's library keeps: codes, tokens, interactions. Ids are stored as keyed hashes only, and
-- payloads hold no secret.
create table oauth_store (
  model text not null,
  id_hash bytea not null,
  grant_id uuid,
  client_id text,
  payload jsonb not null,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (model, id_hash)
);
create index oauth_store_grant on oauth_store (grant_id) where grant_id is not null;
create index oauth_store_expired on oauth_store (expires_at);

-- Programs that asked to be let in. They belong to no tenant: they register before anybody has signed in.
create table oauth_clients (
  id text primary key,
  -- registered: by itself (RFC 7591); document: its id is the URL of its description; known: described in our program.
  kind text not null check (kind in ('registered', 'document', 'known')),
  name text not null,
  redirect_uris text[] not null,
  created_at timestamptz not null,
  -- For `document`: when it was last read.
  fetched_at timestamptz,
  last_used_at timestamptz,
  blocked_at timestamptz,
  blocked_by uuid references users,
  block_reason text
);
create index oauth_clients_unused on oauth_clients (created_at) where last_used_at is null;

-- What a person let a program do. This row decides: a token is worth what its grant is worth now.
create table oauth_grants (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Set when the grant reaches exactly one organization: that organization's people may then see it.
  organization_id uuid references organizations,
  -- Null: whatever its user reaches.
  organization_ids uuid[],
  user_id uuid not null references users,
  client_id text not null,
  client_name text not null,
  -- The host that vouches for the client's name; null where nobody does.
  client_host text,
  first_party boolean not null,
  redirect_host text not null,
  scopes text[] not null,
  created_at timestamptz not null,
  last_authorized_at timestamptz not null,
  last_used_at timestamptz,
  -- However often it is refreshed.
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text check (revoked_reason in ('user', 'administrator', 'client', 'reuse', 'blocked')),
  revoked_by uuid references users
);
create index oauth_grants_user on oauth_grants (user_id);
create index oauth_grants_client on oauth_grants (client_id) where revoked_at is null;
create index oauth_grants_list on oauth_grants (partner_id, created_at desc, id desc);
call protect_table('oauth_grants', 'partner');
grant select on oauth_grants to breeze_app;
grant update (revoked_at, revoked_reason, revoked_by) on oauth_grants to breeze_app;

-- For a few seconds a refresh token that was just exchanged gets the same answer again. Sealed under a key that only the
-- old token gives.
create table oauth_replay (
  token_hash bytea primary key,
  grant_id uuid not null,
  client_id text not null,
  iv bytea not null,
  sealed bytea not null,
  expires_at timestamptz not null
);
create index oauth_replay_expired on oauth_replay (expires_at);

-- The third credential look-up.
create function auth_oauth_token(presented bytea) returns jsonb language sql stable security definer set search_path = public, pg_temp as $$
  select jsonb_build_object(
    'grant', jsonb_build_object('id', g.id, 'name', g.client_name,
      'scopes', (select coalesce(jsonb_agg(s), '[]') from unnest(g.scopes) s
        where s = any (string_to_array(t.payload->>'scope', ' '))),
      'expires_at', least(t.expires_at, g.expires_at), 'last_used_at', g.last_used_at),
    'stopped', (select e.reason from emergency_stops e where e.credential_id = g.id::text and e.lifted_at is null limit 1),
    'rights', auth_rights(u, g.organization_ids))
  from oauth_store t
  join oauth_grants g on g.id = t.grant_id
  join users u on u.id = g.user_id
  left join organizations o on o.id = u.organization_id
  left join oauth_clients c on c.id = g.client_id
  where t.model = 'AccessToken' and t.id_hash = presented and t.expires_at > now()
    and g.revoked_at is null and g.expires_at > now() and c.blocked_at is null
    and u.disabled_at is null and o.suspended_at is null
$$;
revoke all on function auth_oauth_token(bytea) from public;
grant execute on function auth_oauth_token(bytea) to breeze_auth;

-- Which of these programs are blocked, and when they were last used, for who sees their grants.
create function oauth_client_states(p_clients text[])
returns table (id text, kind text, name text, created_at timestamptz, last_used_at timestamptz, blocked_at timestamptz, block_reason text)
language sql stable security definer set search_path = public, pg_temp as $$
  select c.id, c.kind, c.name, c.created_at, c.last_used_at, c.blocked_at, c.block_reason
  from oauth_clients c where c.id = any (p_clients)
$$;

-- A block holds for the whole installation, so only people at the partner's level may set or lift one.
create function block_oauth_client(p_client text, p_by uuid, p_reason text, p_at timestamptz) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if not breeze_partner_wide() then return false; end if;
  update oauth_clients set blocked_at = p_at, blocked_by = case when p_at is null then null else p_by end,
    block_reason = case when p_at is null then null else p_reason end
  where id = p_client;
  return found;
end
$$;
revoke all on function oauth_client_states(text[]), block_oauth_client(text, uuid, text, timestamptz) from public;
grant execute on function oauth_client_states(text[]), block_oauth_client(text, uuid, text, timestamptz) to breeze_app;
