alter table devices drop constraint devices_role_check;
alter table devices add check (role in ('workstation', 'server', 'domain_controller', 'database', 'hypervisor', 'unknown'));
-- What the role follows from; null while it is unknown. A person's word stays.
alter table devices add column role_source text check (role_source in ('os', 'services', 'person'));
update devices set role_source = 'os' where role <> 'unknown';
grant update (role, role_source) on devices to breeze_app;

-- Told again once, so that the roles of devices that are known already follow from all that they told.
update device_sections set hash = '' where section = 'os';
