import type { SectionData } from '@breeze/contract/agent-inventory'
import { type Change, compared } from './change.ts'

type Users = SectionData<'users'>
type User = Users['users'][number]

const roleOf = ({ administrator }: User): string => (administrator ? 'administrator' : 'user')

export function userChanges(before: Users, after: Users): Change[] {
  const { added, removed, kept } = compared(before.users, after.users, ({ name }) => name)
  // A list that lacks something does not say that somebody is gone.
  const isWhole = (after.incomplete ?? []).length === 0
  return [
    ...added.map((user): Change => ({ kind: 'user_added', subject: user.name, before: null, after: roleOf(user) })),
    ...added.filter((user) => user.administrator).map(administratorAdded),
    ...(isWhole ? removed : []).map((user): Change => {
      return { kind: 'user_removed', subject: user.name, before: roleOf(user), after: null }
    }),
    ...kept.flatMap(([was, is]) => changesOf(was, is, isWhole)),
  ]
}

const administratorAdded = ({ name }: User): Change => {
  return { kind: 'administrator_added', subject: name, before: null, after: 'administrator' }
}

function changesOf(was: User, is: User, isWhole: boolean): Change[] {
  const changes: Change[] = []
  if (!was.administrator && is.administrator) changes.push({ ...administratorAdded(is), before: 'user' })
  if (was.administrator && !is.administrator && isWhole)
    changes.push({ kind: 'administrator_removed', subject: is.name, before: 'administrator', after: 'user' })
  if (was.enabled === false && is.enabled === true)
    changes.push({ kind: 'user_enabled', subject: is.name, before: 'disabled', after: 'enabled' })
  if (was.enabled === true && is.enabled === false)
    changes.push({ kind: 'user_disabled', subject: is.name, before: 'enabled', after: 'disabled' })
  return changes
}
