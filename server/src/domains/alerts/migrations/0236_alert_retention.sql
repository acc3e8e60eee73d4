-- What retention looks for.
create index alerts_over on alerts (resolved_at) where status = 'resolved';
