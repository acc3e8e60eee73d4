/** All tools, compiled once at boot: their public faces per tier, frozen, and the listing each kind of caller sees. */
import { SURFACES, tierOpened, type Area, type Surface } from '@breeze/contract/governance'
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { mayUse, type Governance } from './gates/may-use.ts'
import { leanSchema } from './lean-schema.ts'
import type { ListedTool, Listing, ListingFilter } from './kernel.ts'
import { actionSpecs, canAct, type ActionSpec, type Tool } from './tool.ts'

type JsonSchema = Record<string, unknown>

interface Entry {
  tool: Tool
  actions: (ActionSpec & { name: string | null })[]
  /** Public faces by the actions that they offer: the key names them. */
  faces: Map<string, ListedTool>
}

export class Registry {
  readonly #entries = new Map<string, Entry>()
  readonly #listings = new Map<string, Listing>()

  /** The order given is the order of every listing. */
  constructor(tools: readonly Tool[]) {
    for (const tool of tools) {
      if (this.#entries.has(tool.name)) throw new Error(`two tools are called ${tool.name}`)
      checkTool(tool)
      this.#entries.set(tool.name, { tool, actions: actionSpecs(tool.actions), faces: new Map() })
    }
  }

  get(name: string): Tool | undefined {
    return this.#entries.get(name)?.tool
  }

  all(): Tool[] {
    return [...this.#entries.values()].map((entry) => entry.tool)
  }

  /** The tools and actions that this caller may use now, narrowed to them. Equal sets share one frozen listing. */
  list(caller: Caller, surface: Surface, governance: Governance, filter: ListingFilter = {}): Listing {
    const usable = this.#usable(caller, surface, governance)
    const offered = usable.filter(({ entry }) => fits(entry, filter) && isOffered(entry, caller, surface, filter))
    const signature = offered.map(({ entry, actions }) => `${entry.tool.name}:${faceKey(actions)}`).join(' ')
    const known = this.#listings.get(signature)
    if (known) return known
    const listing: Listing = Object.freeze({
      tools: Object.freeze(offered.map(({ entry, actions }) => this.face(entry.tool.name, actions))),
      signature,
    })
    this.#listings.set(signature, listing)
    return listing
  }

  #usable(caller: Caller, surface: Surface, governance: Governance): { entry: Entry; actions: Entry['actions'] }[] {
    const usable = [...this.#entries.values()].flatMap((entry) => {
      if (!entry.tool.surfaces.has(surface)) return []
      if (entry.tool.standsForOthers) return [{ entry, actions: entry.actions }]
      const actions = entry.actions.filter(
        (action) => mayUse(caller, entry.tool, action, governance).verdict === 'allow',
      )
      return actions.length > 0 ? [{ entry, actions }] : []
    })
    // What only stands for other tools is of use to whoever may use one of those that act.
    const acts = usable.some(
      ({ entry, actions }) =>
        !entry.tool.standsForOthers && !entry.tool.needsApprover && actions.some((action) => action.tier > 1),
    )
    return acts ? usable : usable.filter(({ entry }) => !entry.tool.standsForOthers)
  }

  /** The public face of a tool that offers these actions; all but those of tier 4 when none are named. */
  face(name: string, offered?: readonly (ActionSpec & { name: string | null })[]): ListedTool {
    const entry = this.#entries.get(name)
    if (!entry) throw new Error(`no tool is called ${name}`)
    const actions = offered ?? entry.actions.filter((action) => action.tier < 4)
    const key = faceKey(actions)
    const known = entry.faces.get(key)
    if (known) return known
    const face = deepFreeze(makeFace(entry.tool, actions))
    entry.faces.set(key, face)
    return face
  }
}

const faceKey = (actions: readonly { name: string | null }[]): string =>
  actions.map((action) => action.name ?? '*').join(',')

/** Settings stay out of an assistant's list unless their area is asked for. */
function isOffered({ tool }: Entry, { scopes }: Caller, surface: Surface, { areas }: ListingFilter): boolean {
  if (surface !== 'mcp' || areas !== undefined) return true
  // Asking for more stays out of the list of those who hold what the usual tools take.
  if (tool.needsApprover) return scopes !== 'all' && tierOpened(scopes, 'devices') < 3
  return !tool.byArea
}

function fits(entry: Entry, filter: ListingFilter): boolean {
  if (filter.areas && !(filter.areas as readonly Area[]).includes(entry.tool.area)) return false
  if (!filter.pure) return true
  const tiers = entry.actions.filter((action) => action.tier < 4).map((action) => action.tier > 1)
  return tiers.every((acts) => acts === tiers[0])
}

function checkTool(tool: Tool): void {
  const complain = (text: string): never => {
    throw new Error(`tool ${tool.name}: ${text}`)
  }
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(tool.name) || tool.name.length > 64) complain('name is not verb_noun')
  if (tool.description.length >= 1024) complain('description has 1,024 characters or more')
  if (tool.description.split(/\s+/).length > 60) complain('description has more than 60 words')
  if (![...tool.surfaces].every((surface) => SURFACES.includes(surface))) complain('unknown surface')
  if ('each' in tool.actions && !(tool.actions.field in tool.inputSchema.shape))
    complain(`no input ${tool.actions.field}`)
}

function makeFace(tool: Tool, actions: readonly (ActionSpec & { name: string | null })[]): ListedTool {
  const readOnly = actions.every((action) => action.tier === 1)
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: narrow(inputSchema(tool), tool, actions, readOnly),
    outputSchema: outputSchema(tool, readOnly),
    annotations: {
      title: tool.title,
      readOnlyHint: readOnly,
      destructiveHint: !readOnly && actions.some((action) => action.destructive ?? action.tier === 3),
      idempotentHint: actions.every((action) => action.idempotent ?? action.tier === 1),
      openWorldHint: tool.openWorld,
    },
    ...(actions.some((action) => action.tier === 3) && { highImpact: true as const }),
  }
}

function inputSchema(tool: Tool): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(tool.inputSchema, { io: 'input' }) as JsonSchema
  return leanSchema(schema, false)
}

/** Leaves only the offered values of the action field, and no confirmation where nothing can be confirmed. */
function narrow(
  schema: JsonSchema,
  tool: Tool,
  actions: readonly { name: string | null }[],
  readOnly: boolean,
): JsonSchema {
  const properties = { ...(schema['properties'] as Record<string, JsonSchema>) }
  if (readOnly) {
    delete properties['confirmation']
    delete properties['dry_run']
  }
  if ('each' in tool.actions) {
    const { field } = tool.actions
    const current = properties[field] ?? {}
    const names = actions.map((action) => action.name ?? '')
    properties[field] =
      current['type'] === 'boolean'
        ? { ...current, enum: names.map((name) => name === 'true') }
        : { ...current, enum: names }
  }
  return { ...schema, properties }
}

/**
 * What a client may check an answer against. A tool that acts may also answer with a plan or a hold, so that none of its
 * own fields is required there.
 */
function outputSchema(tool: Tool, readOnly: boolean): JsonSchema {
  if (!canAct(tool.actions) || readOnly) {
    const { $schema: _, ...schema } = z.toJSONSchema(tool.outputSchema, { io: 'output' }) as JsonSchema
    return leanSchema(schema, true)
  }
  const widened = tool.outputSchema.partial().extend({
    state: z.string().optional(),
    operation: z.string().optional(),
    // Described where they are the answer itself (preview_action); here they would stand in every tool that acts.
    plan: z.looseObject({}).optional(),
    confirmation: z.looseObject({}).optional(),
    audit_entry: z.string().optional(),
  })
  const { $schema: _, ...schema } = z.toJSONSchema(widened, { io: 'output' }) as JsonSchema
  return leanSchema(schema, true)
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return value
}
