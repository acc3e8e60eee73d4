-- Roll-ups read a span of time of all devices. Rows come nearly in the order of their time, so that an index over blocks
-- finds the span and costs next to nothing to keep.
create index metrics_minute_by_time on metrics_minute using brin (at) with (autosummarize = on);
create index disk_metrics_minute_by_time on disk_metrics_minute using brin (at) with (autosummarize = on);
create index metrics_quarter_by_time on metrics_quarter using brin (at) with (autosummarize = on);
create index disk_metrics_quarter_by_time on disk_metrics_quarter using brin (at) with (autosummarize = on);
