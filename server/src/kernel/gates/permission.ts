/** The user's role must allow it somewhere in the caller's reach. Where exactly, row-level security decides. */
import { rowAccess, seesNothing, type Caller } from '../caller.ts'
import type { ActionSpec } from '../tool.ts'
import { allow, deny, type Verdict } from './verdict.ts'

export function permissionGate(caller: Caller, action: ActionSpec): Verdict {
  if (!seesNothing(rowAccess(caller, action.permission))) return allow
  return deny({
    code: 'forbidden',
    reason: `The role of ${caller.user.name} does not include the permission ${action.permission} in any organization this credential reaches.`,
    remedy: 'Ask an administrator for a role that includes it.',
  })
}
