-- Accounts at other issuers that a person signs in with: known by issuer and subject, never by an address.
create table provider_accounts (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  partner_id uuid not null references partners,
  organization_id uuid references organizations,
  issuer text not null,
  subject text not null check (length(subject) between 1 and 255),
  -- What the issuer called it when it was linked: shown, and used for nothing.
  label text,
  created_at timestamptz not null,
  last_used_at timestamptz,
  unique (issuer, subject)
);
create index provider_accounts_user on provider_accounts (user_id, created_at);
call protect_table('provider_accounts', 'partner');
grant select (id, user_id, partner_id, organization_id, issuer, label, created_at, last_used_at) on provider_accounts to breeze_app;
