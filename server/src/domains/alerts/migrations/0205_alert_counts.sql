-- Sums by status too: "what critical is open" is asked as often as "what is unresolved".
alter table alert_tally add column status text;
create or replace function tally_alerts() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into alert_tally (organization_id, site_id, status, severity, folded, n)
      select organization_id, site_id, status, severity, folded_by(suppressed), count(*) from added
      where status <> 'resolved' group by 1, 2, 3, 4, 5;
  elsif tg_op = 'DELETE' then
    insert into alert_tally (organization_id, site_id, status, severity, folded, n)
      select organization_id, site_id, status, severity, folded_by(suppressed), -count(*) from gone
      where status <> 'resolved' group by 1, 2, 3, 4, 5;
  else
    insert into alert_tally (organization_id, site_id, status, severity, folded, n)
      select organization_id, site_id, status, severity, folded_by(suppressed), sum(d) from (
        select organization_id, site_id, status, severity, suppressed, 1 as d from added where status <> 'resolved'
        union all
        select organization_id, site_id, status, severity, suppressed, -1 from gone where status <> 'resolved') changes
      group by 1, 2, 3, 4, 5 having sum(d) <> 0;
  end if;
  return null;
end
$$;
delete from alert_tally;
insert into alert_tally (organization_id, site_id, status, severity, folded, n)
  select organization_id, site_id, status, severity, folded_by(suppressed), count(*) from alerts
  where status <> 'resolved' group by 1, 2, 3, 4, 5;
alter table alert_tally alter column status set not null;

-- What has no sum (since a moment, of a source) is counted from here, without a look at the rows: their details are wide.
create index alerts_counted on alerts (opened_at) include (organization_id, site_id, device_id, signal, severity, status, suppressed)
  where status <> 'resolved';

-- Statistics of a partial index are not looked at: without these the planner expects hardly any alert of a severity, and sorts.
create statistics alerts_weight on severity_weight(severity) from alerts;

-- The devices that come first are found among a thousand of the worst, and details are wide: so without a look at the rows.
drop index alerts_worst;
create index alerts_worst on alerts (severity_weight(severity) desc, opened_at desc, id desc)
  include (organization_id, site_id, device_id, severity, status)
  where status <> 'resolved' and (suppressed is null or suppressed in ('device_offline', 'rule'));
drop index alerts_worst_of_organization;
create index alerts_worst_of_organization on alerts (organization_id, severity_weight(severity) desc, opened_at desc, id desc)
  include (site_id, device_id, severity, status)
  where status <> 'resolved' and (suppressed is null or suppressed in ('device_offline', 'rule'));
