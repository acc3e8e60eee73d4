/** What the database holds, back into the book: alerts that are open, conditions that are pending. */
import type { Db } from '../../../kernel/db.ts'
import type { Environment } from '../../../kernel/context.ts'
import type { Rule } from '../rule-rows.ts'
import type { Book } from './book.ts'
import type { Place } from './observation.ts'
import type { Plans } from './plans.ts'
import { METRIC_GAP_MS } from './signals/metric.ts'
import { readOpenAlerts, readPending, readTransitions, type StoredAlert, type StoredPending } from './stored.ts'
import { Watched } from './watched.ts'

export interface LoadOptions {
  db: Db
  book: Book
  plans: Plans
  environment: Environment
}

export async function load({ db, book, plans, environment }: LoadOptions): Promise<void> {
  const { open, pending, transitions } = await db.worker(async (tx) => ({
    open: await readOpenAlerts(tx),
    pending: await readPending(tx),
    transitions: await readTransitions(tx, environment.now()),
  }))
  for (const one of transitions) {
    const place = { deviceId: one.device_id, organizationId: one.organization_id, siteId: one.site_id }
    const times = one.times.map((time) => time.getTime())
    book.remember(place, one.rule_id, one.instance, times)
  }
  for (const one of open) {
    const rule = plans.rules.get(one.ruleId)
    if (rule) book.put(restoredAlert(rule, one, environment, book))
  }
  for (const one of pending) {
    const rule = plans.rules.get(one.rule_id)
    // An alert that is open already is further than a condition that is pending.
    if (rule && !book.find(rule, placeOfPending(one), one.instance)) book.put(restoredPending(rule, one, environment))
  }
}

export function restoredAlert(
  rule: Rule,
  stored: StoredAlert,
  { newId }: Pick<Environment, 'newId'>,
  book: Book,
): Watched {
  const { alert, deviceId, organizationId, siteId, instance, value } = stored
  const place: Place = { deviceId, organizationId, siteId }
  const watched = new Watched({
    rule,
    place,
    instance,
    newId,
    since: alert.openedAt,
    ...gapOf(rule),
    transitions: book.lately(place, rule.id, instance),
  })
  watched.observedAt = Math.max(alert.lastSeenAt, alert.stateSince)
  watched.value = value
  watched.alert = alert
  if (alert.state === 'clearing') watched.easing = { to: null, since: alert.stateSince }
  watched.isGone = alert.state === 'clearing' || alert.state === 'clear'
  watched.stored = 'alert'
  watched.take()
  return watched
}

function restoredPending(rule: Rule, pending: StoredPending, { newId }: Environment): Watched {
  const { instance, since, last_seen_at: seenAt, value } = pending
  const place = placeOfPending(pending)
  const watched = new Watched({
    rule,
    place,
    instance,
    newId,
    since: since.getTime(),
    ...gapOf(rule),
  })
  watched.observedAt = seenAt.getTime()
  watched.value = value
  watched.stored = 'pending'
  watched.take()
  return watched
}

const placeOfPending = (row: StoredPending): Place => ({
  deviceId: row.device_id,
  organizationId: row.organization_id,
  siteId: row.site_id,
})

const gapOf = (rule: Rule): { mostGapMs?: number } => (rule.signal === 'metric' ? { mostGapMs: METRIC_GAP_MS } : {})
