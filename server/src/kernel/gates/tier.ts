/** Tier 4 is refused to everybody, whatever the credential; where a person can do it by hand, the refusal says so. */
import type { ActionSpec } from '../tool.ts'
import { allow, deny, type Verdict } from './verdict.ts'

export function tierGate(action: ActionSpec): Verdict {
  switch (action.tier) {
    case 1:
    case 2:
    case 3:
      return allow
    default:
      return deny({
        code: 'blocked',
        reason: 'This action is never run by an assistant, a key, a script or a schedule.',
        remedy: action.humanPath ?? 'There is no way to run it through Breeze.',
      })
  }
}
