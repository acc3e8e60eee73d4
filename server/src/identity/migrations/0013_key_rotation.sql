-- The app login can't read a key's hash, so the database itself keeps the former one while a rotation overlaps.
create function keep_former_hash() returns trigger language plpgsql as $$
begin
  if new.former_expires_at is null then
    new.former_hash := null;
  else
    new.former_hash := old.hash;
  end if;
  return new;
end
$$;
create trigger api_keys_rotated before update of hash on api_keys for each row execute function keep_former_hash();
