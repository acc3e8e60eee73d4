-- Where notifications go. What must be read again to send (an incoming webhook's address is a secret) is sealed.
create table notification_channels (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: the partner's own, for alerts of every organization.
  organization_id uuid references organizations,
  name text not null,
  kind text not null check (kind in ('webhook', 'email', 'teams', 'slack')),
  -- Sealed JSON: address and signing secret, or recipients.
  target bytea not null,
  -- What may be shown of it: the host, or the recipients.
  shown text not null,
  enabled boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  updated_by uuid not null
);
create index notification_channels_by_name on notification_channels (partner_id, lower(name), id);
call protect_table('notification_channels', 'partner');
grant select, insert, update, delete on notification_channels to breeze_app;

-- Which alerts go to which channel, and when.
create table notification_routes (
  id uuid primary key,
  partner_id uuid not null references partners,
  -- Null: alerts of every organization of the partner.
  organization_id uuid references organizations,
  name text not null,
  channel_id uuid not null references notification_channels on delete cascade,
  -- This severity and worse ones.
  severity text not null check (severity in ('critical', 'high', 'medium', 'low', 'info')),
  -- Empty: every signal.
  signals text[] not null default '{}',
  -- Alerts that come within it share a notification, and a site that went dark arrives before its devices.
  group_wait_seconds integer not null,
  -- Told again while nobody acknowledged; null: once.
  remind_after_minutes integer,
  -- Only alerts that nobody acknowledged for so long, or that somebody escalated; null: all, at once.
  escalate_after_minutes integer,
  tells_resolved boolean not null,
  -- { time_zone, from, to, days? }: then only critical alerts are told, the others at its end.
  quiet_hours jsonb,
  enabled boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  updated_by uuid not null
);
create index notification_routes_by_name on notification_routes (partner_id, lower(name), id);
create index notification_routes_of_channel on notification_routes (channel_id);
call protect_table('notification_routes', 'partner');
grant select, insert, update, delete on notification_routes to breeze_app;

-- The delivery log. A row gathers alerts until it is due, then it is tried until it arrives or is given up.
create table notifications (
  id uuid primary key,
  organization_id uuid not null references organizations,
  -- Null: its alerts are of several sites.
  site_id uuid references sites,
  -- Null: the route or channel was deleted since.
  route_id uuid references notification_routes on delete set null,
  channel_id uuid references notification_channels on delete set null,
  kind text not null check (kind in ('alerts', 'escalation', 'reminder', 'resolved')),
  state text not null default 'waiting' check (state in ('waiting', 'sending', 'retrying', 'sent', 'failed', 'dropped')),
  alert_ids uuid[] not null,
  subject text,
  attempts integer not null default 0,
  -- When it is sent, or tried again.
  due_at timestamptz not null,
  -- Why the last attempt failed, or why there was nothing to tell.
  reason text,
  created_at timestamptz not null,
  ended_at timestamptz
);
create unique index notifications_waiting on notifications (route_id, organization_id, kind) where state = 'waiting';
create index notifications_due on notifications (due_at) where state in ('waiting', 'sending', 'retrying');
create index notifications_by_time on notifications (organization_id, created_at desc, id desc);
create index notifications_of_alert on notifications using gin (alert_ids);
call protect_table('notifications', 'site');
grant select on notifications to breeze_app;

-- Read by whoever notifies.
alter table alert_events add column planned_at timestamptz;
create index alert_events_unplanned on alert_events (id) where planned_at is null;
