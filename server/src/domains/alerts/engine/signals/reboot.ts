import { postureSection } from '@breeze/contract/agent-inventory'
import type { RuleOf } from '../../rule-rows.ts'
import { duration, words } from '../describe.ts'
import type { Findings } from './facts.ts'

const data = postureSection.shape.data
const MOST_REASONS = 10

export function pendingReboot(rule: RuleOf<'reboot_pending'>, content: unknown): Findings | null {
  const reboot = data.safeParse(content).data?.rebootPending.data
  if (!reboot) return null
  if (!reboot.pending) return { found: new Map() }
  const held = rule.fireAfterMs > 0 ? ` for ${duration(rule.fireAfterMs)}` : ''
  const describe = () => ({
    title: `A reboot has been pending${held}`,
    detail: { device_text: { reasons: reboot.reasons.slice(0, MOST_REASONS).map((reason) => words(reason, 200)) } },
  })
  return { found: new Map([['', { severity: rule.severity, describe }]]) }
}
