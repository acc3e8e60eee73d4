-- Who reaches only some sites of an organization sees the operations that stay within them. Empty: the operation
-- is about the organization itself, not about a place in it.
alter table operations add column site_ids uuid[] not null default '{}';
drop policy reach on operations;
-- The inner look at sites is itself under row-level security: it finds exactly the sites in reach.
create policy reach on operations to breeze_app
  using (partner_id = (select breeze_partner()) and organization_ids <@ (select breeze_organizations())::uuid[]
    and (organization_ids <> '{}' or (select breeze_partner_wide()))
    and (organization_ids <@ (select breeze_whole_organizations())::uuid[]
      or not exists (select from unnest(site_ids) as touched (id) where not exists (select from sites s where s.id = touched.id))))
  with check (partner_id = (select breeze_partner()) and organization_ids <@ (select breeze_organizations())::uuid[]
    and (organization_ids <> '{}' or (select breeze_partner_wide()))
    and (organization_ids <@ (select breeze_whole_organizations())::uuid[]
      or not exists (select from unnest(site_ids) as touched (id) where not exists (select from sites s where s.id = touched.id))));

-- An entry of the audit may name devices of any site: it is for those who reach the organization whole.
drop policy reach on audit_entries;
create policy reach on audit_entries to breeze_app
  using (partner_id = (select breeze_partner()) and (organization_id = any ((select breeze_whole_organizations())::uuid[])
    or (organization_id is null and (select breeze_partner_wide()))));
