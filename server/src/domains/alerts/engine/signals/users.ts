import { usersSection } from '@breeze/contract/agent-inventory'
import type { RuleOf } from '../../rule-rows.ts'
import { instanceName, named, words } from '../describe.ts'
import type { FactContext, Finding, Findings } from './facts.ts'

const data = usersSection.shape.data
const MOST_NAMES = 2000

/**
 * Who became an administrator since the first look. Who was seen as one before is usual, also after they lost the right for
 * a while: the alert was raised when they got it.
 */
export function newAdministrators(
  rule: RuleOf<'new_local_admin'>,
  content: unknown,
  { baseline }: FactContext,
): Findings | null {
  const users = data.safeParse(content).data?.users
  if (!users) return null
  const administrators = users.filter((user) => user.administrator && user.enabled !== false)
  const names = administrators.map((user) => instanceName(user.name))
  // The first look says what is usual.
  if (baseline === null) return { found: new Map(), baseline: names }
  const found = new Map<string, Finding>()
  const unknown = new Set<string>()
  for (const { name, displayName } of administrators) {
    const instance = instanceName(name)
    if (baseline.has(instance)) {
      // It may be an alert already: that goes on.
      unknown.add(instance)
      continue
    }
    const describe = () => ({
      title: `New local administrator ${named(instance, '')}`.trim(),
      detail: { device_text: { user: words(name, 128), display_name: words(displayName ?? '', 200) } },
    })
    found.set(instance, { severity: rule.severity, describe })
  }
  if (found.size === 0) return { found, unknown }
  return { found, unknown, baseline: [...new Set([...baseline, ...names])].slice(-MOST_NAMES) }
}
