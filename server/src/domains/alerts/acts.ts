/** Acknowledge, resolve, escalate: one way for every tool that does it. */
import { z } from 'zod'
import { asList, oneOrMany } from '../../identity/fields.ts'
import { invalidInput, KernelError, notFound } from '../../kernel/errors.ts'
import { readMoment } from '../../kernel/moment.ts'
import type { Effect, Presentation, RunContext, Target, TransactionContext } from '../../kernel/tool.ts'
import { type AlertFilterInput, chosenAlerts, resolveAlertFilter, UNRESOLVED, unfolds } from './filter.ts'
import { type AlertTarget, alertTargets, MOST_ALERTS } from './find.ts'
import type { Changed, Resolved } from './service.ts'
import { countsOf, countsText } from './severities.ts'
import { ALERT_STATUSES, type AlertStatus } from './tables.ts'

export const ALERT_ACTS = ['acknowledge', 'resolve', 'escalate', 'unacknowledge'] as const
export type AlertAct = (typeof ALERT_ACTS)[number]

const DONE: Record<AlertAct, string> = {
  acknowledge: 'acknowledged',
  resolve: 'resolved',
  escalate: 'escalated',
  unacknowledge: 'unacknowledged',
}
/** What a filter picks where it says nothing of status: those that the act changes. */
const CONCERNS: Record<AlertAct, readonly AlertStatus[]> = {
  acknowledge: ['open'],
  resolve: UNRESOLVED,
  escalate: UNRESOLVED,
  unacknowledge: ['acknowledged'],
}

/** One act by two names: a rule about one is a rule about both. */
const SAME: Record<AlertAct, readonly string[]> = {
  acknowledge: ['acknowledge_alerts', 'manage_alerts'],
  resolve: ['resolve_alerts', 'manage_alerts'],
  escalate: [],
  unacknowledge: [],
}

export const idsField = oneOrMany(z.uuid(), MOST_ALERTS)
export const noteField = z.string().trim().min(1).max(2000)
export const actInput = z.object({
  ids: idsField.optional(),
  filter: chosenAlerts.optional().describe('Instead of ids, as in get_alerts:'),
  note: noteField.optional(),
})

export interface Choice {
  ids?: string | string[] | undefined
  filter?: AlertFilterInput | undefined
}
export interface ActInput extends Choice {
  note?: string | undefined
  acknowledge_until?: string | undefined
}

/** Throws `not_found` when not one of them is visible; which of several ids are not, the answer tells. */
export async function chooseAlerts(
  { tx, caller, now }: TransactionContext,
  act: AlertAct,
  { ids, filter }: Choice,
): Promise<AlertTarget[]> {
  const named = asList(ids)?.map((id) => id.toLowerCase())
  const criteria = Object.values(filter ?? {}).filter((value) => value !== undefined)
  if ((named === undefined) === (criteria.length === 0))
    throw invalidInput(
      'Give either ids or a filter.',
      'Take ids from get_alerts, or say which, such as severity and older_than.',
    )
  if (named) {
    const found = await alertTargets(tx, { ids: named, statuses: ALERT_STATUSES }, true)
    if (found.length === 0) throw notFound('alert', named[0] ?? '')
    return found
  }
  const resolved = await resolveAlertFilter(tx, caller, now(), filter ?? {})
  const statuses = filter?.status === undefined ? CONCERNS[act] : resolved.statuses
  const found = await alertTargets(tx, { ...resolved, statuses }, unfolds(filter ?? {}))
  if (found.length > 0) return found
  throw new KernelError({
    code: 'not_found',
    reason: 'No alert matches this filter, so nothing was changed.',
    remedy: 'get_alerts with the same filter and other statuses shows what there is.',
  })
}

// `chooseAlerts` found them.
const alertsOf = (targets: readonly Target[]): AlertTarget[] => targets as AlertTarget[]

export function planAct(act: AlertAct, targets: readonly Target[]): Effect {
  const alerts = alertsOf(targets)
  const holding = act === 'resolve' ? alerts.filter(({ state }) => state === 'firing' || state === 'flapping') : []
  const others = alerts.filter(({ status }) => !CONCERNS[act].includes(status))
  return {
    summary: `Have ${alerts.length} alert${alerts.length === 1 ? '' : 's'} ${DONE[act]}: ${bySeverity(alerts)}.`,
    irreversible: [],
    ruledAs: SAME[act],
    warnings: [
      ...(holding.length > 0 ? [`The condition of ${holding.length} still holds: they will open again.`] : []),
      ...(others.length > 0 && act !== 'acknowledge'
        ? [`${others.length} of them are not concerned and stay as they are.`]
        : []),
    ],
  }
}

export interface ActOutcome {
  act: AlertAct
  alerts: { target: AlertTarget; changed: Changed | Resolved | null }[]
  notFound: string[]
}

export async function runAct(
  context: RunContext,
  act: AlertAct,
  input: ActInput,
  targets: readonly Target[],
): Promise<ActOutcome> {
  const { tx, caller, now, services } = context
  const alerts = alertsOf(targets)
  const until =
    input.acknowledge_until === undefined ? null : readMoment('acknowledge_until', input.acknowledge_until, now(), true)
  if (until && until <= now()) throw invalidInput('acknowledge_until: lies in the past.')
  const ids = alerts
    .filter((alert) => act !== 'acknowledge' || !isAsAsked(alert, until, input.note))
    .map(({ id }) => id)
  const done = { ids, by: caller.user.id, at: now(), note: input.note ?? null }
  const changed =
    act === 'acknowledge'
      ? await services.alerts.acknowledge(tx, { ...done, until })
      : await services.alerts[act](tx, done)
  const byId = new Map(changed.map((alert) => [alert.id, alert]))
  const found = new Set(alerts.map(({ id }) => id))
  return {
    act,
    alerts: alerts.map((target) => ({ target, changed: byId.get(target.id) ?? null })),
    notFound: (asList(input.ids) ?? []).map((id) => id.toLowerCase()).filter((id) => !found.has(id)),
  }
}

/** The same call again changes nothing and tells nobody anything. */
const isAsAsked = ({ status, acknowledgedUntil, note }: AlertTarget, until: Date | null, wanted?: string): boolean =>
  status === 'acknowledged' &&
  acknowledgedUntil?.getTime() === until?.getTime() &&
  (wanted === undefined || wanted === note)

// ------------------------------------------------------------------ the answer

const SHOWN = 100

export const actOutput = z.object({
  matched: z.number().int(),
  changed: z.number().int(),
  still_holding: z.number().int().optional().describe('Resolved though the condition holds: they will open again.'),
  alerts: z.array(
    z.object({
      id: z.string(),
      outcome: z.string(),
      title: z.string().optional(),
      device: z.string().optional(),
      condition: z.string().optional(),
    }),
  ),
})

type Told = z.input<typeof actOutput>['alerts'][number]

export function presentAct({ act, alerts, notFound: missing }: ActOutcome): Presentation<z.input<typeof actOutput>> {
  const changed = alerts.filter((alert) => alert.changed !== null)
  const holding = alerts.filter((alert) => condition(alert.changed) === 'still holds')
  const told: Told[] = [
    ...missing.map((id) => ({ id, outcome: 'not_found' })),
    ...alerts.map(({ target, changed: after }) => tell(act, target, after)),
  ]
  const unchanged = alerts.length - changed.length
  return {
    text: [
      `${changed.length} of ${alerts.length + missing.length} alerts ${DONE[act]}: ${bySeverity(changed.map(({ target }) => target))}.`,
      ...(holding.length > 0
        ? [`The condition of ${holding.length} still holds, so they will open again: ${names(holding)}.`]
        : []),
      ...(unchanged > 0 ? [`${unchanged} stayed as they were, because they were so already or are resolved.`] : []),
      ...(missing.length > 0
        ? [`${missing.length} are not visible to you: ${missing.slice(0, NAMED).join(', ')}.`]
        : []),
      ...(changed.length > 0 ? [`They are: ${names(changed)}.`] : []),
    ].join('\n'),
    data: {
      matched: alerts.length,
      changed: changed.length,
      ...(holding.length > 0 && { still_holding: holding.length }),
      alerts: told.slice(0, SHOWN),
    },
  }
}

function tell(act: AlertAct, target: AlertTarget, changed: Changed | Resolved | null): Told {
  const outcome = changed ? DONE[act] : target.status === 'resolved' ? 'already_resolved' : 'unchanged'
  const holds = condition(changed)
  return {
    id: target.id,
    outcome,
    title: target.title,
    ...(target.device !== null && { device: target.device }),
    ...(holds !== null && { condition: holds }),
  }
}

/** Null where the act says nothing of it. */
function condition(changed: Changed | Resolved | null): string | null {
  if (!changed || !('holds' in changed)) return null
  return changed.holds === null ? 'not visible at present' : changed.holds ? 'still holds' : 'over'
}

const NAMED = 10
const names = (alerts: ActOutcome['alerts']): string =>
  alerts
    .slice(0, NAMED)
    .map(({ target }) => target.name)
    .concat(alerts.length > NAMED ? [`${alerts.length - NAMED} more`] : [])
    .join('; ')

const bySeverity = (alerts: readonly AlertTarget[]): string =>
  countsText(countsOf(alerts.map(({ severity }) => ({ severity, n: 1 }))))

/** What tools that do one act to alerts have in common. */
export const acting = (act: AlertAct) =>
  ({
    area: 'alerts',
    surfaces: ['mcp', 'rest', 'console', 'cli'],
    actions: { tier: 2, permission: 'alerts.write', idempotent: true },
    output: actOutput,
    targets: (context: TransactionContext, input: Choice) => chooseAlerts(context, act, input),
    plan: async (_: unknown, __: unknown, targets: readonly Target[]) => planAct(act, targets),
    run: (context: RunContext, input: ActInput, targets: readonly Target[]) => runAct(context, act, input, targets),
    present: presentAct,
  }) as const
