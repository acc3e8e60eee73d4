/** An emergency stop refuses every act (tiers 2–3) of its subject; reading goes on. */
import { organizationsOf } from '../blast-radius.ts'
import type { Caller } from '../caller.ts'
import type { Tx } from '../db.ts'
import type { ActionSpec, Target, Tool } from '../tool.ts'
import { allow, deny, type Verdict } from './verdict.ts'

const remedy = 'An administrator lifts it with emergency_stop in the console or the CLI.'

/** Known before anything is looked up: a stop on everything or on this credential. */
export function emergencyStopGate(caller: Caller, tool: Tool, action: ActionSpec): Verdict {
  if (action.tier === 1 || tool.worksWhenStopped || caller.stopped === null) return allow
  return deny({ code: 'emergency_stop', reason: `An emergency stop is in force: ${caller.stopped}`, remedy })
}

/** Known once the targets are: a stop on one of their organizations. */
export function organizationStopGate(
  caller: Caller,
  tool: Tool,
  action: ActionSpec,
  targets: readonly Target[],
): Verdict {
  if (action.tier === 1 || tool.worksWhenStopped) return allow
  for (const target of targets) {
    const organization = target.organizationId === null ? undefined : caller.organizations.get(target.organizationId)
    if (organization?.stopped) {
      return deny({ code: 'emergency_stop', reason: `An emergency stop is in force for ${organization.name}.`, remedy })
    }
  }
  return allow
}

interface StopInForce {
  organization_id: string | null
  credential_id: string | null
  reason: string
}

/** Asked for in the act's own transaction: a stop that came since the caller was let in counts until the very last moment. */
export async function lateStopGate(caller: Caller, tx: Tx, targets: readonly Target[]): Promise<Verdict> {
  const values = [caller.credential.id, organizationsOf(targets)]
  const [stop] = await tx.prepared<StopInForce>('stop_in_force', 'select * from stop_in_force($1, $2)', values)
  if (!stop) return allow
  const organization = stop.credential_id === null && stop.organization_id !== null
  const name = organization ? caller.organizations.get(stop.organization_id ?? '')?.name : undefined
  const reason = name ? `An emergency stop is in force for ${name}.` : `An emergency stop is in force: ${stop.reason}`
  return deny({ code: 'emergency_stop', reason, remedy })
}
