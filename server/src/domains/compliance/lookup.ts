/** What callers name: frameworks, controls and checks. */
import type { Caller } from '../../kernel/caller.ts'
import { ambiguous, invalidInput, notFound } from '../../kernel/errors.ts'
import { CHECK_IDS, checkById } from './checks/all.ts'
import type { Check } from './checks/check.ts'
import { BUILT_IN } from './frameworks/built-in.ts'
import type { Control, Framework } from './frameworks/framework.ts'
import type { Policies } from './policies.ts'

/** By id or name; without one, the first of those that come with Breeze. */
export function findFramework(policies: Policies, caller: Caller, wanted: string | undefined): Framework {
  if (wanted === undefined) return BUILT_IN[0]
  const text = wanted.trim().toLowerCase()
  const matches = policies.frameworks(caller).filter(({ id, name }) => id === text || name.toLowerCase() === text)
  const [match] = matches
  if (!match) throw notFound('framework', wanted)
  if (matches.length > 1)
    throw ambiguous(
      'framework',
      wanted,
      matches.map(({ id, name }) => ({ id, name })),
    )
  return match
}

export function findControl(framework: Framework, wanted: string): Control {
  const control = framework.controls.find(({ id }) => id.toLowerCase() === wanted.trim().toLowerCase())
  if (!control) throw notFound('control', wanted)
  return control
}

export function requireCheck(wanted: string): Check {
  const check = checkById(wanted)
  if (check) return check
  throw invalidInput(`There is no such check. Checks: ${CHECK_IDS.join(', ')}.`, 'Use one of these ids.')
}
