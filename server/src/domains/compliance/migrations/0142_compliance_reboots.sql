-- Since when a restart is due is kept where patches are.
alter table compliance_results drop column observed_since;
