/**
 * What an elevation opens. Where a credential's own scopes are not enough for an action, the caller becomes one that reaches
 * the elevated organizations only: whatever is asked of its reach from then on (rows, names, permissions) ends there.
 */
import { EXECUTE_ADMIN, tierOpened, type Area } from '@breeze/contract/governance'
import type { Caller } from '../caller.ts'
import type { ActionSpec } from '../tool.ts'
import { needsAdmin, type ExecuteRules } from './allow-list.ts'

export function actingCaller(caller: Caller, area: Area, action: ActionSpec, rules: ExecuteRules): Caller {
  const { scopes, elevations } = caller
  if (scopes === 'all' || elevations.length === 0) return caller
  const tier = action.scopeTier ?? action.tier
  const opens = (held: ReadonlySet<string>): boolean => tierOpened(held, area) >= tier
  const asksAdmin = needsAdmin(caller, action, rules)
  if (opens(scopes) && (!asksAdmin || scopes.has(EXECUTE_ADMIN))) return caller
  const opened = [...Map.groupBy(elevations, ({ organizationId }) => organizationId)].flatMap(([id, own]) => {
    const access = caller.organizations.get(id)
    const held = new Set([...scopes, ...own.map(({ scope }) => scope)])
    return access && opens(held) ? [{ id, access, own, admin: held.has(EXECUTE_ADMIN) }] : []
  })
  const asAdmin = opened.filter(({ admin }) => admin)
  // Where none is enough, the gates say what is missing.
  const used = asksAdmin && asAdmin.length > 0 ? asAdmin : opened
  if (used.length === 0) return caller
  return {
    ...caller,
    partner: null,
    organizations: new Map(used.map(({ id, access }) => [id, access])),
    actingBy: used.flatMap(({ own }) => own),
  }
}
