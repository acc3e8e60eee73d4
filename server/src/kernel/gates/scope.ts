/** The credential's scopes must open the tool's area at the action's level. */
import { scopeFor, tierOpened, type Area, type Scope } from '@breeze/contract/governance'
import { openedScopes, type Caller } from '../caller.ts'
import type { ActionSpec } from '../tool.ts'
import { allow, deny, type Verdict } from './verdict.ts'

export function scopeGate(caller: Caller, area: Area, action: ActionSpec): Verdict {
  const missing = lackedScope(caller, area, action)
  if (!missing) return allow
  return deny({
    code: 'insufficient_scope',
    reason: `This needs the scope ${missing}, which the credential "${caller.credential.name}" does not hold.`,
    remedy: `Use a credential with ${missing}, or have this one's scopes widened by someone who may.`,
    required_scope: missing,
  })
}

export function lackedScope(caller: Caller, area: Area, action: ActionSpec): Scope | null {
  // Tier 4 is not for any scope to open; its own gate refuses it before this one.
  const scopes = openedScopes(caller)
  if (scopes === 'all' || action.tier === 4) return null
  const tier = action.scopeTier ?? action.tier
  return tierOpened(scopes, area) >= tier ? null : scopeFor(area, tier)
}
