-- Every act of tier 2–3: what was asked, what was confirmed, what became of it.
create table operations (
  id uuid primary key,
  partner_id uuid not null references partners,
  organization_ids uuid[] not null,
  call_id uuid not null,
  user_id uuid not null,
  credential_kind text not null,
  credential_id text not null,
  channel text not null,
  tool text not null,
  action text,
  tier smallint not null,
  state text not null check (state in ('awaiting_confirmation', 'awaiting_approval', 'running', 'succeeded', 'failed', 'partial', 'cancelled', 'expired')),
  summary text not null,
  -- The parsed input with secrets masked, for people to read.
  input text not null,
  input_digest bytea not null,
  effect_digest bytea not null,
  -- The things it acts on, resolved when it was previewed; execution uses exactly these.
  target_ids uuid[] not null,
  policy_asked text not null,
  policy_applied text not null,
  confirmation_hash bytea unique,
  confirmation_expires_at timestamptz,
  audit_entry uuid,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz
);
create index operations_list on operations (partner_id, created_at desc, id desc);
create index operations_open on operations (state, confirmation_expires_at) where finished_at is null;
call protect_table('operations', 'several');
grant select, insert, update on operations to breeze_app;

-- The rules that apply to a call, partner-wide ones included, which an organization's own users can't list.
create function confirmation_policies_for(p_organizations uuid[], p_area text, p_tier smallint, p_tool text)
returns table (organization_id uuid, area text, tier smallint, tool text, policy text)
language sql stable security definer set search_path = public as $$
  select c.organization_id, c.area, c.tier, c.tool, c.policy
  from confirmation_policies c
  where c.partner_id = breeze_partner()
    and (c.organization_id is null or c.organization_id = any (p_organizations))
    and (c.area is null or c.area = p_area)
    and (c.tier is null or c.tier = p_tier)
    and (c.tool is null or c.tool = p_tool)
$$;
revoke all on function confirmation_policies_for(uuid[], text, smallint, text) from public;
grant execute on function confirmation_policies_for(uuid[], text, smallint, text) to breeze_app;
