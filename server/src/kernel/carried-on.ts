/**
 * A confirmed act goes on after its call: a stage begins, a device is restarted at its time. The gates that the call passed
 * are asked again, with the rights that its user and credential have now; the audit tells of it as of a call.
 */
import type { Denial } from '@breeze/contract/governance'
import type { AuditAppender } from './audit/appender.ts'
import { draftFor, type Draft, type EntryKind } from './audit/entry.ts'
import { rowAccess, type Caller } from './caller.ts'
import type { Environment } from './context.ts'
import type { Db, Tx } from './db.ts'
import { asKernelError, KernelError } from './errors.ts'
import { fault } from './faults.ts'
import { needsAdmin } from './gates/allow-list.ts'
import { actingCaller } from './gates/elevated.ts'
import { lateStopGate, organizationStopGate } from './gates/emergency-stop.ts'
import { mayUse, type Governance } from './gates/may-use.ts'
import { check } from './gates/verdict.ts'
import type { Registry } from './registry.ts'
import { type ActionSpec, actionSpecs, type Target, type Tool } from './tool.ts'
import type { Permission } from '@breeze/contract/governance'

export interface CarriedAct {
  tool: string
  /** Where the tool has several; else its only one. */
  action?: string | undefined
  operation: string
  /** What of it is done now; their organizations decide about stops. */
  targets: readonly Target[]
  /** For the audit: which stage of what. */
  details: Readonly<Record<string, unknown>>
}

export interface CarrierParts {
  registry: Registry
  governance: Governance
  db: Db
  audit: AuditAppender
  environment: Environment
}

export type CarriedOn<T> = { status: 'done'; value: T } | { status: 'refused'; denial: Denial }

/** How an act was confirmed when it was let in. */
const CONFIRMED = 'select policy_asked as asked, policy_applied as applied from operations where id = $1'

/** `caller` null: the credential is no longer good; then `principal` says whose it was. */
export async function carryOn<T>(
  parts: CarrierParts,
  principal: Caller,
  caller: Caller | null,
  act: CarriedAct,
  work: (tx: Tx) => Promise<T>,
): Promise<CarriedOn<T>> {
  const callId = parts.environment.newId()
  let acting = caller ?? principal
  const told = (kind: EntryKind, said: Partial<Draft>) => append(parts, acting, callId, act, kind, said)
  let running = false
  let done: CarriedOn<T>
  try {
    const { tool, action } = actOf(parts.registry, act)
    if (caller === null) throw new KernelError(gone(principal))
    acting = actingCaller(caller, tool.area, action, parts.governance)
    check(mayUse(caller, tool, action, parts.governance))
    check(organizationStopGate(caller, tool, action, act.targets))
    await told('intent', { decision: 'allowed' })
    fault('carried.intended')
    const access = rowAccess(acting, action.permission, needsAdmin(acting, action, parts.governance))
    const value = await parts.db.tenant(access, async (tx) => {
      check(await lateStopGate(caller, tx, act.targets))
      running = true
      return work(tx)
    })
    fault('carried.committed')
    done = { status: 'done', value }
  } catch (error) {
    const known = asKernelError(error)
    const { code, reason } = known.denial
    await told('outcome', {
      decision: running ? 'allowed' : 'denied',
      outcome: running ? 'failed' : null,
      code,
      reason,
    })
    // What went wrong here is tried again; what was refused is not.
    if (!(error instanceof KernelError)) throw error
    return { status: 'refused', denial: known.denial }
  }
  // What is durable did not fail, even if the audit can't be told of it now.
  await told('outcome', { decision: 'allowed', outcome: 'succeeded' })
  return done
}

/** Before somebody takes an act over: throws what its gates have against them, answers the permission it takes at each device. */
export function requireMayCarry(
  { registry, governance }: Pick<CarrierParts, 'registry' | 'governance'>,
  caller: Caller,
  act: Pick<CarriedAct, 'tool' | 'action'>,
): Permission {
  const { tool, action } = actOf(registry, act)
  check(mayUse(caller, tool, action, governance))
  return action.permission
}

function actOf(
  registry: Registry,
  { tool: name, action: wanted }: Pick<CarriedAct, 'tool' | 'action'>,
): { tool: Tool; action: ActionSpec } {
  const tool = registry.get(name)
  const action = tool && actionSpecs(tool.actions).find((known) => known.name === (wanted ?? null))
  if (!tool || !action) throw new Error(`no tool ${name} ${wanted ?? ''} to carry on`)
  return { tool, action }
}

const gone = ({ credential, user }: Caller): Denial => ({
  code: 'unauthenticated',
  reason:
    credential.kind === 'session' || credential.kind === 'operator'
      ? `${user.name}, whose act this is, may no longer sign in.`
      : `The credential "${credential.name}" of ${user.name} was revoked, has expired, or its user was disabled.`,
  remedy: 'Somebody who may do it can deploy what is left.',
})

/** One entry per organization, each with what concerns it. */
async function append(
  { audit, registry, environment, db }: CarrierParts,
  caller: Caller,
  callId: string,
  { tool, action: named, operation, targets, details }: CarriedAct,
  kind: EntryKind,
  said: Partial<Draft>,
): Promise<void> {
  const [confirmed] = await db.worker((tx) => tx.prepared('confirmed_by', CONFIRMED, [operation]))
  const specs = actionSpecs(registry.get(tool)?.actions ?? { each: {}, field: '' })
  const action = specs.find(({ name }) => name === (named ?? null))
  const perOrganization = Map.groupBy(targets, ({ organizationId }) => organizationId)
  // Without targets it still was an act, and the partner's.
  if (perOrganization.size === 0) perOrganization.set(null, [])
  const drafts = [...perOrganization].map(([organizationId, own]): Draft => ({
    ...draftFor(caller, kind, environment.now()),
    organizationId,
    callId,
    tool,
    action: named ?? null,
    tier: action?.tier ?? null,
    details: {
      ...details,
      ...(caller.actingBy.length > 0 && { elevations: caller.actingBy.map(({ id, scope }) => ({ id, scope })) }),
      operation,
      confirmation: confirmed,
      targets: own.slice(0, 50).map(({ id }) => id),
      target_count: own.length,
    },
    ...said,
  }))
  await Promise.all(drafts.map((draft) => audit.append(draft)))
}
