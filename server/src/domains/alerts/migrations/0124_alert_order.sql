-- Lists show the worst first: severities as a number, so that one index holds them in that order.
create function severity_weight(severity text) returns integer language sql immutable parallel safe
  return case severity when 'critical' then 5 when 'high' then 4 when 'medium' then 3 when 'low' then 2 else 1 end;
drop index alerts_unresolved;
-- Without those for which another one stands, or that a maintenance window covers: a storm of them is not passed over one by one.
create index alerts_worst on alerts (severity_weight(severity) desc, opened_at desc, id desc)
  where status <> 'resolved' and (suppressed is null or suppressed in ('device_offline', 'rule'));
create index alerts_worst_of_organization on alerts (organization_id, severity_weight(severity) desc, opened_at desc, id desc)
  where status <> 'resolved' and (suppressed is null or suppressed in ('device_offline', 'rule'));
