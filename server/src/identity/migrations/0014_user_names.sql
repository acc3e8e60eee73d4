-- The order in which people are listed.
create index users_by_name on users (partner_id, lower(name), id);
