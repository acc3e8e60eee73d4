-- An input is kept for the release only; these still hold one.
create index approvals_kept on approvals (operation_id) where input <> ''::bytea;
