-- How many alerts are unresolved, without counting them: what changed is appended, so that nobody waits for a counter, and
-- summed up when it is read. A job keeps the rows few.
create table alert_tally (
  organization_id uuid not null,
  site_id uuid,
  severity text not null,
  -- Why it is not shown by itself: parent or maintenance; null where it is.
  folded text,
  n bigint not null
);
create index alert_tally_by_place on alert_tally (organization_id, site_id);
call protect_table('alert_tally', 'site');
grant select on alert_tally to breeze_app;

create function folded_by(suppressed text) returns text language sql immutable parallel safe
  return case when suppressed in ('parent', 'maintenance') then suppressed end;

create function tally_alerts() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into alert_tally
      select organization_id, site_id, severity, folded_by(suppressed), count(*) from added
      where status <> 'resolved' group by 1, 2, 3, 4;
  elsif tg_op = 'DELETE' then
    insert into alert_tally
      select organization_id, site_id, severity, folded_by(suppressed), -count(*) from gone
      where status <> 'resolved' group by 1, 2, 3, 4;
  else
    insert into alert_tally
      select organization_id, site_id, severity, folded_by(suppressed), sum(d) from (
        select organization_id, site_id, severity, suppressed, 1 as d from added where status <> 'resolved'
        union all
        select organization_id, site_id, severity, suppressed, -1 from gone where status <> 'resolved') changes
      group by 1, 2, 3, 4 having sum(d) <> 0;
  end if;
  return null;
end
$$;
revoke execute on function tally_alerts() from public;
create trigger tally_added after insert on alerts referencing new table as added for each statement execute function tally_alerts();
create trigger tally_changed after update on alerts referencing old table as gone new table as added for each statement execute function tally_alerts();
create trigger tally_gone after delete on alerts referencing old table as gone for each statement execute function tally_alerts();
insert into alert_tally
  select organization_id, site_id, severity, folded_by(suppressed), count(*) from alerts where status <> 'resolved' group by 1, 2, 3, 4;

-- History is read newest first, by whoever reaches many organizations too.
create index alerts_newest on alerts (opened_at desc, id desc);
