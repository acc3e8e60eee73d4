-- What row-level security reads. A setting that was never made, or that ended with its transaction, is null or empty:
-- both compare as "no row".
create function breeze_partner() returns uuid language sql stable parallel safe as
  $$ select nullif(current_setting('breeze.partner', true), '')::uuid $$;
create function breeze_partner_wide() returns boolean language sql stable parallel safe as
  $$ select coalesce(current_setting('breeze.partner_wide', true), '') = 'on' $$;
create function breeze_organizations() returns uuid[] language sql stable parallel safe as
  $$ select nullif(current_setting('breeze.organizations', true), '')::uuid[] $$;
create function breeze_whole_organizations() returns uuid[] language sql stable parallel safe as
  $$ select nullif(current_setting('breeze.whole_organizations', true), '')::uuid[] $$;
create function breeze_sites() returns uuid[] language sql stable parallel safe as
  $$ select nullif(current_setting('breeze.sites', true), '')::uuid[] $$;

-- Puts a table under forced row-level security with one of the recognised policies. The sub-select makes PostgreSQL
-- evaluate the setting once per statement, so that indexes stay usable.
--   organization      rows carry organization_id
--   site              rows carry organization_id and site_id
--   partner           rows carry partner_id and perhaps organization_id
--   several           rows carry partner_id and organization_ids: seen only by who sees all of them
create procedure protect_table(name regclass, kind text) language plpgsql as $body$
declare
  rule text := case kind
    when 'organization' then
      'organization_id = any ((select breeze_organizations())::uuid[])'
    when 'site' then
      '(organization_id = any ((select breeze_whole_organizations())::uuid[]) or site_id = any ((select breeze_sites())::uuid[]))'
    when 'partner' then
      'partner_id = (select breeze_partner()) and (organization_id = any ((select breeze_organizations())::uuid[]) or (organization_id is null and (select breeze_partner_wide())))'
    when 'several' then
      'partner_id = (select breeze_partner()) and organization_ids <@ (select breeze_organizations())::uuid[] and (organization_ids <> ''{}'' or (select breeze_partner_wide()))'
    end;
begin
  if rule is null then raise exception 'unknown protection %', kind; end if;
  execute format('alter table %s enable row level security', name);
  execute format('alter table %s force row level security', name);
  execute format('create policy reach on %s to breeze_app using (%s) with check (%s)', name, rule, rule);
  -- The owner's login does the server's own work (presence, delivery, retention) for every organization.
  execute format('create policy worker on %s to %I using (true) with check (true)', name, current_user);
end
$body$;

-- Facts of the installation that belong to no tenant: which partner is the first, schema of the counters.
create table installation (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null default now()
);
