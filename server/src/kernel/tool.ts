/**
 * The tool contract. A tool is one file: what it is called, what it may touch, which tier and permission each of its
 * actions has, and five steps: targets → plan → run → settle → present. The kernel calls the steps; nothing else can.
 */
import type { Area, Permission, Surface, Tier } from '@breeze/contract/governance'
import { z } from 'zod'
import type { Caller } from './caller.ts'
import { UNTRUSTED_NOTE } from './content/device-text.ts'
import type { Tx } from './db.ts'
import { invalidInput } from './errors.ts'
import type { Events } from './events.ts'
import { maskSecrets } from './redact.ts'
import type { Services } from './services.ts'

/** A thing that a call acts on. `critical` names why it weighs more than an ordinary one ("server", "domain controller"). */
export interface Target {
  kind:
    | 'device'
    | 'alert'
    | 'organization'
    | 'site'
    | 'user'
    | 'api_key'
    | 'oauth_grant'
    | 'oauth_client'
    | 'operation'
    | 'setting'
  id: string
  name: string
  organizationId: string | null
  siteId: string | null
  critical?: string
  /** A reason why the act would wait or fail here: "offline, would queue until 14:00 UTC". */
  caveat?: string
}

export interface Effect {
  /** One sentence: what would happen. */
  summary: string
  /** What can't be undone, one sentence each; empty when nothing. */
  irreversible: string[]
  warnings?: string[]
  /** Other tools that do the same: a confirmation rule that names one holds here too, so that no name is a way around it. */
  ruledAs?: readonly string[]
  /** What whoever approves it must hold, where that is not the permission of the call itself. */
  approver?: { permission: Permission; adminOnly: boolean }
  /** Versions of what the act depends on (a library script's digest): part of what a confirmation binds. */
  binding?: Record<string, string>
}

export interface Presentation<Output> {
  /** Short text that a model can quote. */
  text: string
  data: Output
}

/** What each step may use. Time, ids and randomness come from here. */
export interface StepContext {
  caller: Caller
  /** Joins the audit entries, the operation and the log lines of one call. */
  callId: string
  now(): Date
  newId(): string
  events: Events
  services: Services
}
export interface TransactionContext extends StepContext {
  tx: Tx
}
export interface SettleContext extends StepContext {
  /** A short transaction with the call's own reach, for looking at what became of the work. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Ends the waiting when the caller has gone or the call's time is up; never the work. */
  signal: AbortSignal
  /** Tells whoever waits how many devices have finished; may be called as often as one looks. */
  progress(done: number, total: number): void
}
export interface RunContext extends TransactionContext {
  /** The operation row of this act; null for a read. */
  operation: string | null
  /** Makes the operation row that the commands of a read belong to. Only for a tool that declares `asksDevices`. */
  openReading(): Promise<string>
  /** The plan of another call and the token that confirms it. Only `preview_action` has a use for it. */
  preview(tool: string, input: unknown): Promise<PreviewResult>
}

export interface ActionSpec {
  tier: Tier
  permission: Permission
  /** The tier whose scope opens it, where asking is not yet acting; else its own. */
  scopeTier?: 1
  /** What it destroys can't be brought back by the same tool. */
  destructive?: boolean
  idempotent?: boolean
  /** Tier 4: where a person can do it instead. */
  humanPath?: string
}

/** Either one act, or one per value of an input field, which must be an enum or a boolean. */
export type Actions = ActionSpec | { field: string; each: Record<string, ActionSpec> }

type Input = z.ZodObject
type Output = z.ZodObject

export interface ToolSpec<I extends Input, O extends Output, Ran, Settled> {
  name: string
  title: string
  /** One sentence of purpose, when to use it, what it changes. Under 60 words; no orders to the model. */
  description: string
  area: Area
  surfaces: readonly Surface[]
  actions: Actions
  /** Reaches systems outside Breeze and its fleet. */
  openWorld?: boolean
  /**
   * The act goes on after the call: whoever watches it finishes the operation. Otherwise it is done when `run` is. What `run`
   * answers must survive JSON, and `present` must not need secrets or long texts of the input: the answer is made again of
   * what is kept of both, for a client that follows the act.
   */
  outlivesCall?: boolean
  /** Its answers carry free text that devices wrote: output, logs, files. They say so, and so does the audit. */
  deviceText?: boolean
  /** Still answers under an emergency stop, because it is what lifts one. */
  worksWhenStopped?: boolean
  /** Decides about calls that are held, so that no rule may hold it. */
  neverHeld?: boolean
  /** Whatever the policies say: it waits for a second person, and only their approval lets it run. */
  needsApprover?: boolean
  /** A read whose answer only the devices themselves have: it sends them commands that read. */
  asksDevices?: boolean
  /**
   * A setting: assistants see it only on a path that names its area, so that the usual list stays short. It can be called on
   * every path.
   */
  byArea?: boolean
  /** At the console its acts are only for a person who proved lately who they are: a browser left open must not reach them. */
  needsProof?: boolean
  input: I
  output: O
  /** The things this call would act on, found with the caller's own reach; throws `notFound` for what it can't see. */
  targets?(context: TransactionContext, input: z.output<I>): Promise<Target[]>
  /** The effect, for previews and confirmations. Reads only. Tools of tier 1 omit it. */
  plan?(context: TransactionContext, input: z.output<I>, targets: Target[]): Promise<Effect>
  /** The act, or the read, in one short tenant transaction. */
  run(context: RunContext, input: z.output<I>, targets: Target[]): Promise<Ran>
  /** Waits for what lies outside the database. No transaction is open. */
  settle?(context: SettleContext, ran: Ran, input: z.output<I>): Promise<Settled>
  present(result: Settled, input: z.output<I>): Presentation<z.input<O>>
  /** A call that stands for another one is judged by that one's gates: `preview_action`. */
  standsFor?(input: z.output<I>): { tool: string; input: unknown }
}

/** A parsed call: the steps closed over their typed input, so that nothing above needs the types. */
export interface Call {
  /** As parsed, without the control fields. */
  input: Readonly<Record<string, unknown>>
  control: { dryRun: boolean; confirmation: string | null }
  action: ActionSpec & { name: string | null }
  standsFor: { tool: string; input: unknown } | null
  targets(context: TransactionContext): Promise<Target[]>
  plan(context: TransactionContext, targets: Target[]): Promise<Effect>
  run(context: RunContext, targets: Target[]): Promise<Pending>
}
export interface Pending {
  settle(context: SettleContext): Promise<Presentation<Readonly<Record<string, unknown>>>>
  /** Of an act that goes on: what its answer can be made of again. */
  kept: Kept | null
}

/** The input has its secrets masked and its long texts cut. */
export interface Kept {
  ran: unknown
  input: unknown
}

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly area: Area
  readonly surfaces: ReadonlySet<Surface>
  readonly actions: Actions
  readonly openWorld: boolean
  readonly worksWhenStopped: boolean
  readonly neverHeld: boolean
  readonly needsApprover: boolean
  readonly outlivesCall: boolean
  readonly deviceText: boolean
  readonly asksDevices: boolean
  readonly needsProof: boolean
  readonly byArea: boolean
  /** Each call of it stands for one of another tool and is judged by that one's gates. */
  readonly standsForOthers: boolean
  readonly inputSchema: Input
  readonly outputSchema: Output
  /** Throws `invalid_input`, naming each field that is wrong. */
  parse(raw: unknown): Call
  /** The act whose `run` left this behind. */
  resume(kept: Kept): Pending
}

export const blastRadiusShape = z.object({
  devices: z.number().int(),
  sites: z.number().int(),
  organizations: z.number().int(),
  servers: z.number().int(),
  /** The first 20. */
  names: z.array(z.string()),
})

export const planShape = z.object({
  summary: z.string(),
  blast_radius: blastRadiusShape,
  irreversible: z.array(z.string()),
  warnings: z.array(z.string()),
})
export type Plan = z.infer<typeof planShape>

export const confirmationShape = z.object({ token: z.string(), expires_at: z.string() })

export interface PreviewResult {
  tool: string
  tier: Tier
  operation: string
  plan: Plan
  confirmation: z.infer<typeof confirmationShape>
}

/** The operation of an act; a defect of the kernel if there is none. */
export function operationOf(context: RunContext): string {
  if (context.operation === null) throw new Error('an act ran without its operation')
  return context.operation
}

/** The operation that commands to devices belong to: that of the act, or one that a read makes for its own. */
export const commandOperation = async (context: RunContext): Promise<string> =>
  context.operation ?? (await context.openReading())

/** Optional inputs of every tool that can act. */
export const controlFields = {
  confirmation: z.string().max(100).optional().describe('Token of a preview of exactly this call.'),
  dry_run: z.boolean().optional().describe('Only tell the plan.'),
}

export function actionSpecs(actions: Actions): (ActionSpec & { name: string | null })[] {
  if (!('each' in actions)) return [{ ...actions, name: null }]
  return Object.entries(actions.each).map(([name, spec]) => ({ ...spec, name }))
}

export const canAct = (actions: Actions): boolean => actionSpecs(actions).some((action) => action.tier > 1)

export function defineTool<I extends Input, O extends Output, Ran, Settled = Ran>(
  spec: ToolSpec<I, O, Ran, Settled>,
): Tool {
  const inputSchema = canAct(spec.actions) ? spec.input.extend(controlFields).strict() : spec.input.strict()

  const outputSchema = spec.deviceText ? spec.output.extend({ untrusted: z.string() }) : spec.output

  const pending = (ran: Ran, input: z.output<I>, kept: Kept | null): Pending => ({
    kept,
    settle: async (context) => {
      // Without a settle step, what ran is what is presented: Settled is Ran by default.
      const settled = spec.settle ? await spec.settle(context, ran, input) : (ran as unknown as Settled)
      const { text, data } = spec.present(settled, input)
      return { text, data: outputSchema.parse(spec.deviceText ? { ...data, untrusted: UNTRUSTED_NOTE } : data) }
    },
  })

  const parse = (raw: unknown): Call => {
    if (holdsNul(raw)) throw invalidInput('input: must not contain NUL characters.')
    const parsed = inputSchema.safeParse(raw ?? {})
    if (!parsed.success) throw invalidInput(describeIssues(parsed.error), 'Correct the named fields and call again.')
    // Extending the schema loses the static link to I; the fields were checked by the line above.
    const { confirmation, dry_run, ...input } = parsed.data as z.output<I> & {
      confirmation?: string
      dry_run?: boolean
    }
    const typed = input as z.output<I>
    return {
      input,
      control: { dryRun: dry_run ?? false, confirmation: confirmation ?? null },
      action: pickAction(spec, input),
      standsFor: spec.standsFor?.(typed) ?? null,
      targets: async (context) => (await spec.targets?.(context, typed)) ?? [],
      plan: async (context, targets) =>
        (await spec.plan?.(context, typed, targets)) ?? { summary: spec.title, irreversible: [] },
      run: async (context, targets) => {
        const ran = await spec.run(context, typed, targets)
        return pending(ran, typed, spec.outlivesCall ? { ran, input: shortened(maskSecrets(input)) } : null)
      },
    }
  }

  return {
    name: spec.name,
    title: spec.title,
    description: spec.description,
    area: spec.area,
    surfaces: new Set(spec.surfaces),
    actions: spec.actions,
    openWorld: spec.openWorld ?? false,
    worksWhenStopped: spec.worksWhenStopped ?? false,
    neverHeld: spec.neverHeld ?? false,
    needsApprover: spec.needsApprover ?? false,
    outlivesCall: spec.outlivesCall ?? false,
    deviceText: spec.deviceText ?? false,
    asksDevices: spec.asksDevices ?? false,
    needsProof: spec.needsProof ?? false,
    byArea: spec.byArea ?? false,
    standsForOthers: spec.standsFor !== undefined,
    inputSchema,
    outputSchema,
    parse,
    // Left behind by this very tool, and sealed since.
    resume: ({ ran, input }) => pending(ran as Ran, input as z.output<I>, null),
  }
}

const LONGEST_KEPT = 1000

function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, LONGEST_KEPT)
  if (Array.isArray(value)) return value.map(shortened)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shortened(item)]))
}

/** Whether this very call of the tool acts; what can't be read is taken for an act. */
export function isAct(tool: Pick<Tool, 'actions'>, input: unknown): boolean {
  if (!('each' in tool.actions)) return tool.actions.tier > 1
  const { field, each } = tool.actions
  const named = typeof input === 'object' && input !== null ? Reflect.get(input, field) : undefined
  return (each[String(named)]?.tier ?? 2) > 1
}

function pickAction(spec: { actions: Actions; name: string }, input: Record<string, unknown>) {
  if (!('each' in spec.actions)) return { ...spec.actions, name: null }
  const name = String(input[spec.actions.field] ?? '')
  const action = spec.actions.each[name]
  // An action without a declared tier is a defect of the tool; it is refused, never run.
  if (!action) throw invalidInput(`"${name}" is not an action of ${spec.name}.`)
  return { ...action, name }
}

/** PostgreSQL's text can't hold one: without this it would fail somewhere deep inside. */
function holdsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0')
  if (value === null || typeof value !== 'object') return false
  return Object.entries(value).some(([key, item]) => key.includes('\0') || holdsNul(item))
}

const LONGEST_ISSUE = 1000

function describeIssues(error: z.ZodError): string {
  const lines = error.issues.slice(0, 8).map((issue) => {
    // The caller's own names stand in it, however long they are.
    const line = `${issue.path.join('.') || 'input'}: ${issue.message}`
    return line.length > LONGEST_ISSUE ? `${line.slice(0, LONGEST_ISSUE)}…` : line
  })
  const more = error.issues.length - lines.length
  return lines.join('; ') + (more > 0 ? `; and ${more} more` : '')
}
