import { z } from 'zod'
import { endElevations } from '../../domains/elevations/service.ts'
import type { Cancellation } from '../../domains/commands/cancel.ts'
import { findOrganization, organizationTarget, requirePartnerLevel } from '../../domains/organizations/service.ts'
import { isDelegated, type Caller } from '../../kernel/caller.ts'
import type { Tx } from '../../kernel/db.ts'
import { conflict, forbidden, invalidInput } from '../../kernel/errors.ts'
import { defineTool, type Target, type TransactionContext } from '../../kernel/tool.ts'
import { reasonField, referenceField } from '../fields.ts'
import { findKey, keyTargets } from '../services/api-keys.ts'
import {
  cancelWaiting,
  insertStop,
  liftStops,
  listStops,
  runningOf,
  stopsOf,
  type ActiveStop,
  type StopSubject,
} from '../services/stops.ts'

const input = z.object({
  action: z.enum(['stop', 'lift', 'status']),
  everything: z.literal(true).optional().describe('All calls of tiers 2 and 3, whoever makes them.'),
  organization: referenceField.optional().describe('Id or name: only acts on it.'),
  credential: referenceField.optional().describe("A key's id or name: only its acts."),
  reason: reasonField.optional().describe('For stop: what everybody refused will read.'),
})
type Input = z.output<typeof input>

const subjectKinds = z.enum(['everything', 'organization', 'credential'])

export default defineTool({
  name: 'emergency_stop',
  title: 'Emergency stop',
  description:
    'Refuses all acts of a credential, on an organization, or of everybody, at once, cancels what waits and has running scripts stopped. Reading goes on. Lifting it is for people, not keys.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      stop: { tier: 2, permission: 'governance.write', destructive: true, idempotent: true },
      lift: { tier: 2, permission: 'governance.write', idempotent: true },
      status: { tier: 1, permission: 'governance.read' },
    },
  },
  worksWhenStopped: true,
  needsProof: true,
  input,
  output: z.object({
    stopped: z.boolean().optional().describe('Whether what was asked about is stopped now.'),
    subject: z.object({ kind: subjectKinds, id: z.string().nullable(), name: z.string() }).optional(),
    cancelled: z.object({ operations: z.number().int(), commands: z.number().int() }).optional(),
    stops: z
      .array(
        z.object({
          kind: subjectKinds,
          id: z.string().nullable(),
          name: z.string().nullable().describe('Of an organization.'),
          reason: z.string(),
          stopped_by: z.string().nullable(),
          stopped_at: z.string(),
        }),
      )
      .optional(),
  }),
  async targets(context, input) {
    if (input.action === 'status') return []
    const { targets } = await resolve(context, input)
    if (input.action === 'stop' && input.reason === undefined)
      throw invalidInput('reason: say why, for everybody it refuses.')
    return targets
  },
  async plan(context, input) {
    const { name } = await resolve(context, input)
    return input.action === 'lift'
      ? { summary: `Lift the emergency stop of ${name}.`, irreversible: [] }
      : {
          summary: `Refuse all acts of ${name} until the stop is lifted.`,
          irreversible: ['What has not started is cancelled, and does not come back when the stop is lifted.'],
        }
  },
  async run(context, input) {
    const { tx, caller } = context
    if (input.action === 'status') return { kind: 'status' as const, stops: await listStops(tx, caller) }
    const found = await resolve(context, input)
    const stops = await stopsOf(tx, caller.partnerId, found.subject)
    if (input.action === 'lift')
      return { kind: 'lift' as const, ...found, count: await lift(context, stops, found.name) }
    if (stops.length === 0) {
      const stop = { id: context.newId(), partnerId: caller.partnerId, subject: found.subject }
      await insertStop(tx, { ...stop, reason: input.reason ?? '', by: caller.user.id, at: context.now() })
    }
    return { kind: 'stop' as const, ...found, cancelled: await cancelAll(context, found.subject) }
  },
  present(result) {
    if (result.kind === 'status') {
      const stops = result.stops.map((stop) => ({
        kind:
          stop.credential_id !== null
            ? ('credential' as const)
            : stop.organization_id
              ? ('organization' as const)
              : ('everything' as const),
        id: stop.credential_id ?? stop.organization_id,
        name: stop.organization_name,
        reason: stop.reason,
        stopped_by: stop.name,
        stopped_at: stop.stopped_at.toISOString(),
      }))
      return {
        text: stops.length === 0 ? 'No emergency stop is in force.' : `${stops.length} emergency stops are in force.`,
        data: { stops },
      }
    }
    const subject = { kind: result.subject.kind, id: subjectId(result.subject), name: result.name }
    if (result.kind === 'lift')
      return { text: `The emergency stop of ${result.name} is lifted.`, data: { stopped: false, subject } }
    const { operations, commands } = result.cancelled
    return {
      text: `All acts of ${result.name} are refused from now on. Cancelled: ${operations} waiting calls, ${commands} commands.`,
      data: { stopped: true, subject, cancelled: result.cancelled },
    }
  },
})

const subjectId = (subject: StopSubject): string | null =>
  subject.kind === 'everything' ? null : subject.kind === 'organization' ? subject.organizationId : subject.credentialId

async function resolve(
  context: TransactionContext,
  input: Input,
): Promise<{ subject: StopSubject; name: string; targets: Target[] }> {
  const { tx, caller } = context
  const named = [input.everything, input.organization, input.credential].filter((item) => item !== undefined)
  if (named.length !== 1) throw invalidInput('Name one of everything, organization or credential.')
  if (input.organization !== undefined) {
    const organization = await findOrganization(tx, caller, 'governance.write', input.organization)
    const subject = { kind: 'organization' as const, organizationId: organization.id }
    return { subject, name: organization.name, targets: [organizationTarget(organization)] }
  }
  if (input.credential !== undefined) {
    const key = await findKey(tx, caller, 'governance.write', input.credential, context.now())
    const subject = { kind: 'credential' as const, credentialId: key.id, organizationId: key.organizationId }
    return { subject, name: `the key "${key.name}"`, targets: keyTargets(caller, key) }
  }
  requirePartnerLevel(caller, 'governance.write', 'Stopping everything')
  return { subject: { kind: 'everything' }, name: 'everybody', targets: [] }
}

async function lift(
  { tx, caller, now }: TransactionContext,
  stops: readonly ActiveStop[],
  name: string,
): Promise<number> {
  // What was stopped must not be able to set itself free.
  if (isDelegated(caller.credential))
    throw forbidden("A key can't lift an emergency stop.", 'Do it in person, at the console or on the server.')
  if (stops.length === 0) throw conflict(`No emergency stop of ${name} is in force.`, 'There is nothing to lift.')
  const foreign = stops.some((stop) => stop.stoppedBy === null && stop.stoppedById !== caller.user.id)
  if (!caller.partner && foreign) {
    throw forbidden("The partner's own people set this stop.", 'Ask them to lift it.')
  }
  await liftStops(
    tx,
    stops.map((stop) => stop.id),
    caller.user.id,
    now(),
  )
  return stops.length
}

async function cancelAll({ tx, caller, now, services }: TransactionContext, subject: StopSubject) {
  const operations = await cancelWaiting(tx, caller.partnerId, subject, now())
  const by = { id: caller.user.id, name: caller.user.name }
  await endElevations(tx, { ...elevated(subject), because: 'emergency_stop', by }, now())
  const which = await queuedOf(tx, caller, subject)
  const reason = `emergency stop by ${caller.user.name}`
  const { cancelled, asked } = await services.commands.cancel(tx, now(), which, reason)
  return { operations, commands: cancelled + asked }
}

function elevated(subject: StopSubject): { credentialId?: string; organizationId?: string } {
  if (subject.kind === 'everything') return {}
  return subject.kind === 'credential'
    ? { credentialId: subject.credentialId }
    : { organizationId: subject.organizationId }
}

async function queuedOf(tx: Tx, caller: Caller, subject: StopSubject): Promise<Cancellation> {
  if (subject.kind === 'everything') return { all: true }
  if (subject.kind === 'organization') return { organizationId: subject.organizationId }
  return { operationIds: await runningOf(tx, caller.partnerId, subject.credentialId) }
}
