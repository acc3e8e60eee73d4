import { osSection } from '@breeze/contract/agent-inventory'
import type { LifecycleAnswer } from '../../../lifecycle/service.ts'
import type { RuleOf } from '../../rule-rows.ts'
import { counted } from '../describe.ts'
import type { FactContext, Findings } from './facts.ts'

const DAY_MS = 86_400_000
const data = osSection.shape.data

/** By days until the last day of support. Null where it is not known until when the release is supported. */
export function endOfSupport(
  rule: RuleOf<'os_support'>,
  content: unknown,
  { at, supportOf }: FactContext,
): Findings | null {
  const os = data.safeParse(content).data
  const support = os && supportOf(os)
  if (!support || support.state === 'unknown') return null
  const days = daysLeft(support, at)
  const level = rule.condition.levels.find((one) => days <= one.days)
  if (!level) return { found: new Map() }
  const describe = () => describeSupport(support, days, level.days)
  return { found: new Map([['', { severity: level.severity, value: Number.isFinite(days) ? days : null, describe }]]) }
}

/** Through its last day it is supported. Where only that it ended, or has not, is known, it is infinite. */
function daysLeft({ state, supportedUntil }: LifecycleAnswer, at: number): number {
  if (supportedUntil === null) return state === 'ended' ? -Infinity : Infinity
  return Math.round((Date.parse(supportedUntil) - Math.floor(at / DAY_MS) * DAY_MS) / DAY_MS)
}

function describeSupport(support: LifecycleAnswer, days: number, within: number) {
  const { release, supportedUntil, extendedUntil, source, asOf } = support
  const what = release ?? 'The operating system'
  const isOver = support.state === 'ended'
  const when = isOver
    ? `is out of support${supportedUntil === null ? '' : ` since ${supportedUntil}`}`
    : `is supported for ${counted(days, 'more day')}`
  return {
    title: `${what} ${when}`,
    detail: {
      ...(Number.isFinite(days) && { value: days }),
      threshold: within,
      unit: 'days',
      release,
      supported_until: supportedUntil,
      extended_until: extendedUntil,
      source,
      as_of: asOf,
    },
  }
}
