-- All verdicts of a device in short, one character for each check: what counts, lists and history are made of. It is derived
-- from compliance_results in the statements that change them.
alter table compliance_evaluations add column standing text;
-- The checks and versions that it was made by: their order is that of its characters.
alter table compliance_evaluations add column catalogue text;
-- Of the verdicts with their evidence: where it is the same, nothing has to be written.
alter table compliance_evaluations add column digest text;
create index compliance_results_waived on compliance_results (waived_until) where waived_until is not null;
