-- A run in stages sends its later ones long after the call that gave the secrets: until it has ended they lie here, sealed with the
-- server's own key.
alter table script_runs add column sealed_secrets bytea;
grant update (sealed_secrets) on script_runs to breeze_app;

create function forget_run_secrets() returns trigger language plpgsql as $body$
begin
  update script_runs set sealed_secrets = null where operation_id = new.operation_id and sealed_secrets is not null;
  return null;
end
$body$;
create trigger forget_run_secrets after update of finished_at on rollouts for each row
  when (new.finished_at is not null) execute function forget_run_secrets();
