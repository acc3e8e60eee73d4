import { agentValues, type AgentValues } from '@breeze/contract/agent-configuration'
import { z } from 'zod'
import { referenceField } from '../../../identity/fields.ts'
import type { Caller } from '../../../kernel/caller.ts'
import type { Tx } from '../../../kernel/db.ts'
import { invalidInput } from '../../../kernel/errors.ts'
import { defineTool } from '../../../kernel/tool.ts'
import {
  findOrganization,
  organizationsWith,
  organizationTarget,
  requirePartnerLevel,
} from '../../organizations/service.ts'
import { inForce } from '../in-force.ts'
import { layered, type PartialValues } from '../service.ts'

const { shape } = agentValues
const fields = {
  heartbeat_seconds: shape.heartbeatSeconds,
  inventory_seconds: shape.inventorySeconds,
  updates_seconds: shape.updatesSeconds,
  max_concurrent_scripts: shape.maxConcurrentScripts,
  stream_output: shape.streamOutput,
}
const settings = z.object(fields).partial()

const input = z.object({
  action: z.enum(['get', 'set']),
  organization: referenceField.optional().describe('Id or name; none: all that have no value of their own.'),
  heartbeat_seconds: fields.heartbeat_seconds
    .nullable()
    .optional()
    .describe('set: null goes back to the general value.'),
  inventory_seconds: fields.inventory_seconds.nullable().optional(),
  updates_seconds: fields.updates_seconds.nullable().optional(),
  max_concurrent_scripts: fields.max_concurrent_scripts.nullable().optional(),
  stream_output: fields.stream_output.nullable().optional(),
})
type Input = z.output<typeof input>

export default defineTool({
  name: 'manage_agent_settings',
  title: 'Manage agent settings',
  description:
    'Shows or sets how often agents report and how they run scripts, for an organization or for all. Connected agents take a change at once, others when they return. get also tells which devices have not taken it yet.',
  area: 'administration',
  surfaces: ['console', 'cli', 'rest'],
  actions: {
    field: 'action',
    each: {
      get: { tier: 1, permission: 'governance.read' },
      set: { tier: 2, permission: 'governance.write', idempotent: true },
    },
  },
  input,
  output: z.object({
    organization: z.object({ id: z.string(), name: z.string() }).nullable(),
    effective: z.object(fields).describe('In force.'),
    own: settings.describe('Set at this level.'),
    devices: z.number().int().optional(),
    waiting: z.number().int().optional().describe('Of these, how many have not taken it.'),
    waiting_examples: z.array(z.object({ id: z.string(), name: z.string() })).optional(),
  }),
  async targets({ tx, caller }, input) {
    const organization = await levelOf(tx, caller, input)
    if (input.action === 'set' && Object.keys(valuesOf(input)).length === 0)
      throw invalidInput('Say what to set.', 'Give at least one of the settings.')
    return organization ? [organizationTarget(organization)] : []
  },
  plan: async (_, input, targets) => ({
    summary: `Set ${Object.entries(settingsIn(valuesOf(input)))
      .map(([name, value]) => `${name} to ${value ?? 'the general value'}`)
      .join(', ')} for the agents of ${targets[0]?.name ?? 'every organization without values of its own'}.`,
    irreversible: [],
  }),
  async run({ tx, caller, now, newId, services }, input) {
    const organization = await levelOf(tx, caller, input)
    const { agentSettings } = services
    const { partnerId } = caller
    const level = organization?.id ?? null
    if (input.action === 'set') {
      const change = { id: newId(), partnerId, organizationId: level, values: valuesOf(input) }
      const own = await agentSettings.change(tx, { ...change, by: caller.user.id, at: now() })
      const general = level === null ? agentSettings.defaults : agentSettings.inherited(partnerId)
      return { organization, own, effective: layered(general, own), state: null }
    }
    const reached = level === null ? organizationsWith(caller, 'governance.read') : [level]
    const etags = reached.map((id) => [id, agentSettings.effective({ partnerId, organizationId: id }).etag] as const)
    return {
      organization,
      own: agentSettings.own(level ?? partnerId),
      effective:
        level === null
          ? agentSettings.inherited(partnerId)
          : layered(agentSettings.inherited(partnerId), agentSettings.own(level)),
      state: await inForce(tx, new Map(etags)),
    }
  },
  present({ organization, own, effective, state }, { action }) {
    const of = organization?.name ?? 'every organization without values of its own'
    const waiting = state ? ` ${state.waiting} of ${state.devices} devices have not taken them yet.` : ''
    return {
      text: `${action === 'set' ? 'Set' : 'The settings'} for the agents of ${of}: ${listed(effective)}.${waiting}`,
      data: {
        organization,
        effective: settingsIn(effective) as z.input<z.ZodObject<typeof fields>>,
        own: settingsIn(own) as z.input<typeof settings>,
        ...(state && { devices: state.devices, waiting: state.waiting, waiting_examples: state.examples }),
      },
    }
  },
})

/** The organization, or null for the partner's own level. */
async function levelOf(tx: Tx, caller: Caller, input: Input): Promise<{ id: string; name: string } | null> {
  const permission = input.action === 'set' ? 'governance.write' : 'governance.read'
  if (input.organization === undefined) {
    requirePartnerLevel(caller, permission, 'A setting for every organization')
    return null
  }
  const { id, name } = await findOrganization(tx, caller, permission, input.organization)
  return { id, name }
}

/** Only what was given: null takes a value away, absence leaves it. */
function valuesOf(input: Input) {
  const values = {
    heartbeatSeconds: input.heartbeat_seconds,
    inventorySeconds: input.inventory_seconds,
    updatesSeconds: input.updates_seconds,
    maxConcurrentScripts: input.max_concurrent_scripts,
    streamOutput: input.stream_output,
  }
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<typeof values>
}

/** In the names that callers use. */
function settingsIn(values: PartialValues | ReturnType<typeof valuesOf>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [snake(name), value]))
}

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const listed = (values: AgentValues): string =>
  Object.entries(settingsIn(values))
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')
