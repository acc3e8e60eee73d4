-- Until when releases of operating systems are supported, as imported. What Breeze ships is in its program; this goes before it.
create table lifecycle_releases (
  product text not null,
  cycle text not null,
  label text not null,
  -- Null with `ended` null: its publisher has not said.
  supported_until date,
  -- Known without a date.
  ended boolean,
  -- Support beyond it that is bought or has to be asked for.
  extended_until date,
  imported_at timestamptz not null,
  -- The name of the file.
  file text not null,
  primary key (product, cycle)
);
