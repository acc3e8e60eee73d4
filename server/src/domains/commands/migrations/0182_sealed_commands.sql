alter table device_commands
  -- `payload` holds a secret: it is sealed with the server's own key, and gone as soon as the command has ended.
  add column sealed boolean not null default false,
  -- So many of its operation's commands are at their devices at once; null: as many as there are.
  add column at_once integer check (at_once > 0);
create index device_commands_in_turn on device_commands (operation_id, id) where at_once is not null and state = 'queued';

create function forget_sealed_payload() returns trigger language plpgsql as $body$
begin
  new.payload := '';
  return new;
end
$body$;
create trigger forget_sealed_payload before update on device_commands for each row
  when (new.sealed and new.payload <> '' and new.state not in ('queued', 'delivered', 'accepted', 'started'))
  execute function forget_sealed_payload();
