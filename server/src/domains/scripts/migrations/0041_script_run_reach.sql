-- A run is seen by whoever sees its operation, which knows the sites it touched.
drop policy reach on script_runs;
create policy reach on script_runs to breeze_app
  using (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = script_runs.operation_id))
  with check (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = script_runs.operation_id));
