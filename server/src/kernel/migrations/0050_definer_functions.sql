-- A function that runs with its owner's rights looked for tables among the temporary ones first, where any login could put
-- one of the same name, with a trigger of its own: that trigger then ran as the owner. `pg_temp` named last ends this.
-- What fires as a trigger is for no login to call, nor to attach to a table of its own.
do $$
declare
  definer record;
begin
  for definer in
    select p.oid::regprocedure as name, p.prorettype = 'trigger'::regtype as fires
    from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef
  loop
    execute format('alter function %s set search_path = public, pg_temp', definer.name);
    if definer.fires then execute format('revoke all on function %s from public', definer.name); end if;
  end loop;
end
$$;
