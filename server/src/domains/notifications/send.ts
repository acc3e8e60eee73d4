/** Notifications that are due: looked at once more, sent, and tried again where that failed. */
import type { Tx } from '../../kernel/db.ts'
import { SEVERITIES } from '../alerts/tables.ts'
import type { ToldAlert } from './message.ts'
import type { ChannelKind, NotificationKind } from './tables.ts'

export interface Claimed {
  id: string
  organization_id: string
  route_id: string | null
  kind: NotificationKind
  alert_ids: string[]
  attempts: number
  /** Null: the channel is gone or off. */
  channel: { id: string; kind: ChannelKind; target: Buffer } | null
}

/** Whoever claimed one and was killed is followed by the next after so long. */
const CLAIM_MINUTES = 5
const CLAIMED_AT_ONCE = 20
/** After each failed attempt; then it is given up. */
const PAUSES_SECONDS = [30, 120, 600, 1800, 7200]

const CLAIM = `
  with due as (
    select id from notifications where state in ('waiting', 'sending', 'retrying') and due_at <= $1
    order by due_at limit ${CLAIMED_AT_ONCE} for update skip locked)
  update notifications n set state = 'sending', attempts = n.attempts + 1,
    due_at = $1::timestamptz + interval '${CLAIM_MINUTES} minutes'
  from due where n.id = due.id
  returning n.id, n.organization_id, n.route_id, n.kind, n.alert_ids, n.attempts,
    (select json_build_object('id', c.id, 'kind', c.kind, 'target', encode(c.target, 'base64'))
     from notification_channels c where c.id = n.channel_id and c.enabled) as channel`

export async function claimDue(tx: Tx, now: Date): Promise<Claimed[]> {
  type Row = Omit<Claimed, 'channel'> & { channel: { id: string; kind: ChannelKind; target: string } | null }
  const rows = await tx.prepared<Row>('notifications_claim', CLAIM, [now])
  return rows.map(({ channel, ...row }) => ({
    ...row,
    channel: channel && { ...channel, target: Buffer.from(channel.target, 'base64') },
  }))
}

// What is worth telling now: what was suppressed or acknowledged since is not; what was resolved is, where it was told before.
const ALERTS = `
  select a.id, a.severity, a.title, a.signal, a.opened_at, a.resolved_at, a.organization_id, o.name as organization_name,
    a.site_id, s.name as site_name, a.device_id, d.name as device_name,
    (select count(*) from alerts c where c.parent_id = a.id)::int as children
  from alerts a join organizations o on o.id = a.organization_id
    left join sites s on s.id = a.site_id left join devices d on d.id = a.device_id
  where a.id = any ($1::uuid[]) and a.suppressed is null and case $2::text
    when 'resolved' then a.status = 'resolved' and exists (
      select 1 from notifications n
      where n.route_id = $3::uuid and n.state = 'sent' and n.kind <> 'resolved' and n.alert_ids @> array[a.id])
    else a.status = 'open' end`

interface AlertRow {
  id: string
  severity: ToldAlert['severity']
  title: string
  signal: string
  opened_at: Date
  resolved_at: Date | null
  organization_id: string
  organization_name: string
  site_id: string | null
  site_name: string | null
  device_id: string | null
  device_name: string | null
  children: number
}

/** Worst first, then the longest. */
export async function alertsToTell(tx: Tx, claimed: Pick<Claimed, 'alert_ids' | 'kind' | 'route_id'>) {
  const { alert_ids, kind, route_id } = claimed
  const rows = await tx.prepared<AlertRow>('notifications_alerts', ALERTS, [alert_ids, kind, route_id])
  return rows.map(toldAlert).sort((a, b) => {
    const worse = SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)
    return worse === 0 ? a.openedAt.getTime() - b.openedAt.getTime() : worse
  })
}

const reference = (id: string | null, name: string | null) => (id === null ? null : { id, name: name ?? '' })

const toldAlert = (row: AlertRow): ToldAlert => ({
  id: row.id,
  severity: row.severity,
  title: row.title,
  signal: row.signal,
  organization: { id: row.organization_id, name: row.organization_name },
  site: reference(row.site_id, row.site_name),
  device: reference(row.device_id, row.device_name),
  openedAt: row.opened_at,
  resolvedAt: row.resolved_at,
  children: row.children,
})

export type Ending =
  | { state: 'sent'; subject: string }
  | { state: 'dropped'; reason: string }
  | { state: 'failed'; subject: string; reason: string }

/** A failed attempt is tried again after a while, five times. */
export async function recordEnding(tx: Tx, { id, attempts }: Claimed, ending: Ending, now: Date): Promise<void> {
  const pause = ending.state === 'failed' ? PAUSES_SECONDS[attempts - 1] : undefined
  const again = pause !== undefined
  await tx.prepared(
    'notifications_end',
    `update notifications set state = $2, subject = coalesce($3, subject), reason = $4, due_at = coalesce($5, due_at),
       ended_at = $6 where id = $1`,
    [
      id,
      again ? 'retrying' : ending.state,
      'subject' in ending ? ending.subject : null,
      'reason' in ending ? ending.reason : null,
      again ? new Date(now.getTime() + pause * 1000) : null,
      again ? null : now,
    ],
  )
}
