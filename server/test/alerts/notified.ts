/** What people are really sent, as the delivery log counts it: the notifications of a server, beside the engine's world. */
import { Outbound } from '../../src/domains/notifications/outbound.ts'
import { Notifications } from '../../src/domains/notifications/service.ts'
import type { EngineWorld, Place } from './engine-world.ts'

export interface Sent {
  kind: 'alerts' | 'escalation' | 'reminder' | 'resolved'
  /** How many alerts it tells of. */
  alerts: number
}

/** Has everything about an organization mailed, the mail server being outside of the world; answers what went out so far. */
export async function notified(world: EngineWorld, place: Place): Promise<() => Promise<Sent[]>> {
  const { db, events, environment, sql } = world
  const notifications = new Notifications({
    ...environment,
    db,
    events,
    mail: { on: true, deliver: async () => undefined },
    box: { seal: (plain) => plain, open: (sealed) => sealed },
    outbound: new Outbound({ ownHosts: [] }),
    publicUrl: 'https://breeze.example',
    failed: (error) => {
      throw error
    },
  })
  const [channel, user] = [environment.newId(), environment.newId()]
  await sql(
    `insert into notification_channels (id, partner_id, organization_id, name, kind, target, shown, created_at, updated_at, updated_by)
     values ($1, $2, $3, 'On call', 'email', $4, 'on call', now(), now(), $5)`,
    [
      channel,
      place.partnerId,
      place.organizationId,
      notifications.seal(channel, { recipients: ['on@call.example'] }),
      user,
    ],
  )
  await sql(
    `insert into notification_routes (id, partner_id, organization_id, name, channel_id, severity, group_wait_seconds, tells_resolved,
       created_at, updated_at, updated_by) values ($1, $2, $3, 'All', $4, 'info', 45, true, now(), now(), $5)`,
    [environment.newId(), place.partnerId, place.organizationId, channel, user],
  )
  world.alongside.push(() => notifications.step())
  return () =>
    sql<Sent & Record<string, unknown>>(
      `select kind, cardinality(alert_ids) as alerts from notifications where organization_id = $1 and state = 'sent'
       order by ended_at, id`,
      [place.organizationId],
    )
}
