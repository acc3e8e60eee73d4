import { updateHistorySection, type UpdateHistory } from '@breeze/contract/agent-inventory'
import type { RuleOf } from '../../rule-rows.ts'
import { counted, words } from '../describe.ts'
import type { FactContext, Findings } from './facts.ts'

const DAY_MS = 86_400_000
const MOST_NAMED = 20
const data = updateHistorySection.shape.data

/** Updates whose last attempt failed, lately. One alert for the device: they are dealt with together. */
export function failedPatches(rule: RuleOf<'patch_failed'>, content: unknown, { at }: FactContext): Findings | null {
  const history = data.safeParse(content).data
  if (!history) return null
  const latest = new Map<string, UpdateHistory[number]>()
  for (const update of history) {
    const known = latest.get(update.name)
    if (!known || update.at > known.at) latest.set(update.name, update)
  }
  const since = at - rule.condition.within_days * DAY_MS
  const failed = [...latest.values()].filter(({ outcome, at }) => outcome === 'failed' && Date.parse(at) >= since)
  if (failed.length === 0) return { found: new Map() }
  const describe = () => ({
    title: `Patch deployment failed: ${counted(failed.length, 'update')}`,
    detail: {
      value: failed.length,
      threshold: 0,
      unit: 'updates',
      device_text: {
        updates: failed.slice(0, MOST_NAMED).map(({ name, article, at, reason }) => ({
          name: words(name),
          ...(article !== undefined && { article: words(article, 40) }),
          at,
          ...(reason !== undefined && { reason: words(reason, 500) }),
        })),
      },
    },
  })
  const began = Math.min(...failed.map(({ at }) => Date.parse(at)))
  return { found: new Map([['', { severity: rule.severity, value: failed.length, since: began, describe }]]) }
}
