/** The gates that need no database, in their order: what listing and calling share, so that neither can say otherwise. */
import type { Caller } from '../caller.ts'
import type { ActionSpec, Tool } from '../tool.ts'
import { allowListGate, type ExecuteRules } from './allow-list.ts'
import { actingCaller } from './elevated.ts'
import { emergencyStopGate } from './emergency-stop.ts'
import { permissionGate } from './permission.ts'
import { scopeGate } from './scope.ts'
import { tierGate } from './tier.ts'
import { allow, type Verdict } from './verdict.ts'

/** The server's settings that gates read. */
export interface Governance extends ExecuteRules {
  /** Acts (tiers 2–3) a credential may start per tool and minute. */
  actsPerToolAndMinute: number
}

export function mayUse(caller: Caller, tool: Tool, action: ActionSpec, governance: Governance): Verdict {
  const acting = actingCaller(caller, tool.area, action, governance)
  const gates = [
    () => tierGate(action),
    () => scopeGate(acting, tool.area, action),
    () => permissionGate(acting, action),
    () => allowListGate(acting, tool.name, action, governance),
    () => emergencyStopGate(acting, tool, action),
  ]
  for (const gate of gates) {
    const verdict = gate()
    if (verdict.verdict === 'deny') return verdict
  }
  return allow
}
