-- A call that a second person must approve. Who asked, what it may do and the exact input are fixed here, before anybody is
-- asked; the operation's row says whether it still waits.
create table approvals (
  operation_id uuid primary key references operations,
  partner_id uuid not null references partners,
  organization_ids uuid[] not null,
  user_id uuid not null,
  user_name text not null,
  credential_kind text not null,
  credential_id text not null,
  credential_name text not null,
  channel text not null,
  client text,
  ip text,
  -- What the token of the call held, of what its credential may; null for people in person.
  scopes text[],
  -- The right that the call itself needs: whoever approves must hold it too.
  permission text not null,
  because text not null check (because in ('policy', 'untrusted_text')),
  plan jsonb not null,
  input bytea not null,
  requester_may_decide boolean not null,
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  decision text check (decision in ('approved', 'denied', 'reported')),
  decided_at timestamptz,
  decided_by uuid,
  decided_by_name text,
  decision_reason text,
  -- What came of an approved call once it was let in, or refused after all.
  released_at timestamptz,
  release_code text,
  release_text text,
  -- Of a reported one: since when its credential opens nothing.
  credential_ended_at timestamptz,
  check ((decision is null) = (decided_at is null))
);
create index approvals_list on approvals (partner_id, requested_at desc, operation_id desc);
create index approvals_work on approvals (decided_at) where decision is not null and released_at is null and credential_ended_at is null;
alter table approvals enable row level security;
alter table approvals force row level security;
create policy worker on approvals to current_user using (true) with check (true);
create policy reach on approvals to breeze_app
  using (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = approvals.operation_id))
  with check (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = approvals.operation_id));
grant select, insert on approvals to breeze_app;
grant update (decision, decided_at, decided_by, decided_by_name, decision_reason) on approvals to breeze_app;
create index operations_awaiting_approval on operations (partner_id) where state = 'awaiting_approval';

-- How long a request waits, whether its requester may decide it, and for how many minutes text that a device wrote taints a
-- credential's high-impact calls (null: not at all).
alter table organizations
  add column approval_hours integer not null default 24 check (approval_hours between 1 and 720),
  add column requester_may_decide boolean not null default false,
  add column untrusted_minutes integer check (untrusted_minutes between 1 and 1440);

-- When a key or grant last read text that a device wrote.
create table untrusted_reads (
  credential_id text primary key,
  partner_id uuid not null references partners,
  read_at timestamptz not null
);

-- The strictest of what the organizations of a call ask for. A credential may read in one organization and act in another.
create function approval_terms(p_organizations uuid[], p_credential text, p_now timestamptz)
returns table (hours integer, requester_may_decide boolean, tainted boolean)
language sql stable security definer set search_path = public, pg_temp as $$
  select min(o.approval_hours), bool_and(o.requester_may_decide), coalesce(bool_or(t.read_at > p_now - make_interval(mins => o.untrusted_minutes)), false)
  from organizations o left join untrusted_reads t on t.credential_id = p_credential and t.partner_id = o.partner_id
  where o.partner_id = breeze_partner() and o.id = any (p_organizations)
$$;
revoke all on function approval_terms(uuid[], text, timestamptz) from public;
grant execute on function approval_terms(uuid[], text, timestamptz) to breeze_app;
