-- What is kept of a call whose client follows it after the answer has gone out, so that its own answer can still be given.
create table tasks (
  operation_id uuid primary key references operations,
  partner_id uuid not null references partners,
  organization_ids uuid[] not null,
  -- Sealed: what the tool made of the act, or the whole answer. Null while the call waits for a person.
  kept bytea,
  audit_entry text,
  created_at timestamptz not null
);
alter table tasks enable row level security;
alter table tasks force row level security;
create policy worker on tasks to current_user using (true) with check (true);
create policy reach on tasks to breeze_app
  using (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = tasks.operation_id))
  with check (partner_id = (select breeze_partner()) and exists (select from operations o where o.id = tasks.operation_id));
grant select, insert on tasks to breeze_app;
grant update (kept, audit_entry) on tasks to breeze_app;
create index tasks_old on tasks (created_at);
