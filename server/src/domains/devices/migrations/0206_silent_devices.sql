-- Those marked as silent are counted with every look at the fleet's health, and they are few.
create index devices_silent on devices (organization_id, site_id) where removed_at is null and conditions && '{stale,missing}';
