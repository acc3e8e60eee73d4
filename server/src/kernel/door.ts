/**
 * The door: every act is one call of `invoke`. Read `invoke`, then `#read` for tier 1 and `#act` for tiers 2–3; each line
 * is one step of architecture's picture, in its order.
 */
import type { Scope, Surface } from '@breeze/contract/governance'
import { checkGates, missingScope, parseCall } from './admission.ts'
import { auditUnavailable, awaitingAnswer, declined, dryRunAnswer, doneAnswer, heldAnswer } from './answers.ts'
import type { WaitingApproval } from './answers.ts'
import type { AuditAppender } from './audit/appender.ts'
import type { Draft } from './audit/entry.ts'
import { ThrottleRecorder } from './audit/throttle.ts'
import { CallRecord } from './call-record.ts'
import { rowAccess, type Caller } from './caller.ts'
import type { Environment } from './context.ts'
import type { Db, Tx } from './db.ts'
import { asKernelError, invalidInput, KernelError } from './errors.ts'
import type { Events } from './events.ts'
import { fault } from './faults.ts'
import { needsAdmin } from './gates/allow-list.ts'
import { actingCaller } from './gates/elevated.ts'
import type { PolicyDecision } from './gates/confirmation.ts'
import { lateStopGate, organizationStopGate } from './gates/emergency-stop.ts'
import type { Governance } from './gates/may-use.ts'
import { check } from './gates/verdict.ts'
import { ToolLimit } from './gates/tool-limit.ts'
import { planFor, type Approved, type Considered, type HeldPreview, type Holds, type Walk } from './holds.ts'
import type { Denied, GoesOn, InvokeOptions, Kernel, Listing, ListingFilter, Outcome } from './kernel.ts'
import { checkEffect, checkPolicy, finishOperation, frozenTargets, insertOperation, notePolicy } from './operations.ts'
import { neutraliseAll } from './content/hidden.ts'
import type { LiveCount } from './live-limits.ts'
import type { Registry } from './registry.ts'
import type { Services } from './services.ts'
import { settle, whatCame } from './settling.ts'
import type { Tasks } from './tasks.ts'
import type { UntrustedReads } from './untrusted-reads.ts'
import type { Pending, PreviewResult, SettleContext, StepContext, Target } from './tool.ts'

/** The tool that tells what became of an act: following one is judged as calling it. */
const READER = 'get_operation'

export interface DoorParts {
  registry: Registry
  governance: Governance
  db: Db
  audit: AuditAppender
  events: Events
  services: Services
  environment: Environment
  holds: Holds
  tasks: Tasks
  untrusted: UntrustedReads
  /** Gets what the caller must not: the cause behind an internal error. */
  logFailure(callId: string, tool: string, error: unknown): void
}

type Prepared =
  | { intended: Considered; held: null }
  | { intended: Considered; held: HeldPreview }
  | { intended: Considered; held: null; waiting: WaitingApproval }
  | { intended: Considered; held: null; declined: true }

export class Door implements Kernel {
  readonly #parts: DoorParts
  readonly #limit: ToolLimit
  readonly #throttles: ThrottleRecorder

  constructor(parts: DoorParts) {
    this.#parts = parts
    this.#limit = new ToolLimit(parts.governance.actsPerToolAndMinute)
    this.#throttles = new ThrottleRecorder(parts.audit, parts.environment, (error) =>
      parts.logFailure('', 'throttle', error),
    )
  }

  list(caller: Caller, surface: Surface, filter?: ListingFilter): Listing {
    return this.#parts.registry.list(caller, surface, this.#parts.governance, filter)
  }

  missingScope(caller: Caller, tool: string, input: unknown, surface: Surface = 'mcp'): Scope | null {
    const { registry, governance } = this.#parts
    return missingScope(caller, registry, governance, surface, tool, input)
  }

  throttled(caller: Caller, limit: string, retryAfterSeconds: number): void {
    this.#throttles.record(caller, limit, retryAfterSeconds)
  }

  /** Acts counted against credentials now. */
  counts(): LiveCount[] {
    return this.#limit.counts(this.#parts.environment.now())
  }

  async close(): Promise<void> {
    await this.#throttles.close()
  }

  invoke(caller: Caller, tool: string, input: unknown, options: InvokeOptions): Promise<Outcome> {
    return this.#enter(caller, tool, input, options, null)
  }

  /** A call that waited for a second person comes in again as its requester's, and meets every gate anew. */
  release(caller: Caller, tool: string, input: unknown, surface: Surface, approved: Approved): Promise<Outcome> {
    return this.#enter(caller, tool, input, { surface }, approved)
  }

  async follow(known: Caller, operation: string): ReturnType<Kernel['follow']> {
    const { environment, tasks, db } = this.#parts
    const record = new CallRecord(known, environment.newId(), environment.now(), READER, { operation })
    try {
      const { admitted, caller } = this.#admit(known, 'mcp', READER, { operation }, record)
      checkGates(caller, admitted, this.#parts.governance)
      const context = this.#context(caller, record)
      const walk: Walk = { caller, admitted, record, context, options: { surface: 'mcp' }, input: {}, approved: null }
      // It only looks.
      const looking = { ...context, signal: AbortSignal.abort(), progress: () => undefined }
      const transaction: SettleContext['transaction'] = (work) => db.tenant(this.#access(walk), work)
      const call = await tasks.look(caller, operation, { ...looking, transaction })
      await this.#noteUntrusted(walk)
      await this.#append(record, 'outcome', { decision: 'allowed', outcome: 'succeeded' })
      return { status: 'found', call }
    } catch (error) {
      return this.#refuse(record, READER, error)
    }
  }

  async #enter(
    known: Caller,
    tool: string,
    input: unknown,
    options: InvokeOptions,
    approved: Approved | null,
  ): Promise<Outcome> {
    const { environment, governance } = this.#parts
    const record = new CallRecord(known, environment.newId(), environment.now(), tool, input)
    try {
      const { admitted, caller } = this.#admit(known, options.surface, tool, input, record)
      if (approved) record.note({ approval: approved.decision, operation: approved.operation })
      checkGates(caller, admitted, governance)
      const context = this.#context(caller, record)
      const walk: Walk = { caller, admitted, record, options, context, input, approved }
      return admitted.call.action.tier === 1 ? await this.#read(walk) : await this.#act(walk)
    } catch (error) {
      return this.#refuse(record, tool, error)
    }
  }

  /** The parsed call, and its caller as far as their scopes, their own and those held for a while, open it. */
  #admit(known: Caller, surface: Surface, tool: string, input: unknown, record: CallRecord) {
    const { registry, governance } = this.#parts
    const admitted = parseCall(registry, surface, tool, input)
    const { judged } = admitted
    const caller = actingCaller(known, judged.tool.area, judged.call.action, governance)
    record.admitted(admitted, caller)
    return { admitted, caller }
  }

  // ------------------------------------------------------------------ tier 1

  async #read(walk: Walk): Promise<Outcome> {
    const { admitted, record, context } = walk
    const pending = await this.#parts.db.tenant(this.#access(walk), async (tx) => {
      const targets = await admitted.call.targets({ ...context, tx })
      record.targets(targets)
      record.stage = 'running'
      const openReading = () => this.#openReading(walk, tx, targets)
      const preview = this.#previewer(walk, tx)
      return admitted.call.run({ ...context, tx, operation: null, openReading, preview }, targets)
    })
    const shown = await this.#settle(walk, pending)
    await this.#noteUntrusted(walk)
    await this.#append(record, 'outcome', { decision: 'allowed', outcome: 'succeeded' })
    return doneAnswer(shown, null)
  }

  /** Commands that only read need an owner too: who asked, for what, and what became of it. */
  async #openReading(walk: Walk, tx: Tx, targets: readonly Target[]): Promise<string> {
    const { caller, admitted, context, record } = walk
    const { tool, call } = admitted
    if (!tool.asksDevices) throw new Error(`${tool.name} sends commands but does not declare it`)
    check(this.#limit.count(caller, tool.name, context.now()))
    const id = context.newId()
    const policy: PolicyDecision = { asked: 'client', applied: 'client' }
    const effect = { summary: tool.title, irreversible: [] }
    const intended = { tool: tool.name, call, targets, policy, effect }
    const rest = { state: 'running' as const, confirmation: null }
    await insertOperation(tx, this.#parts.holds.digests, {
      id,
      callId: record.callId,
      caller,
      now: context.now(),
      intended,
      ...rest,
    })
    record.policy(policy, id)
    return id
  }

  // ------------------------------------------------------------------ tiers 2–3

  async #act(walk: Walk): Promise<Outcome> {
    const { admitted, record } = walk
    const { call } = admitted
    const prepared = await this.#parts.db.tenant(this.#access(walk), (tx) => this.#prepare(walk, tx))
    if ('declined' in prepared) throw new KernelError(declined)
    const { intended } = prepared
    const plan = planFor(intended)
    if (call.control.dryRun) {
      return dryRunAnswer(plan, await this.#append(record, 'outcome', { decision: 'allowed', outcome: 'succeeded' }))
    }
    if ('waiting' in prepared) {
      fault('approval.requested')
      const { operation } = prepared.waiting
      const entry = await this.#held(record, intended, operation, 'approval_required')
      return { ...awaitingAnswer(plan, prepared.waiting, entry), ...this.#goesOn(walk, operation) }
    }
    if (prepared.held) {
      const entry = await this.#held(record, intended, prepared.held.operation, 'confirmation_required')
      return { ...heldAnswer(plan, prepared.held, entry), ask: intended.policy.asked === 'elicit' }
    }
    await this.#append(record, 'intent', { decision: 'allowed' })
    fault('intent.recorded')
    const { operation, pending } = await this.#parts.db.tenant(this.#access(walk), (tx) =>
      this.#commitAct(walk, tx, intended),
    )
    fault('act.committed')
    walk.approved?.committed()
    if (admitted.tool.area === 'administration') this.#parts.events.publish('administration')
    const shown = await this.#settle(walk, pending)
    await this.#noteUntrusted(walk)
    const entry = await this.#append(record, 'outcome', { decision: 'allowed', ...whatCame(admitted.tool, shown) })
    const goesOn = walk.options.followed && pending.kept && (await this.#parts.tasks.goesOn(operation, entry))
    return { ...doneAnswer(shown, entry), ...(goesOn && this.#goesOn(walk, operation)) }
  }

  #goesOn = ({ options, record }: Walk, operation: string): { goesOn?: GoesOn } =>
    options.followed ? { goesOn: { operation, createdAt: record.startedAt } } : {}

  #held(record: CallRecord, intended: Considered, operation: string, code: string): Promise<string> {
    record.policy(intended.policy, operation)
    return this.#append(record, 'outcome', { decision: 'held', code })
  }

  /** Everything that is decided before the act: targets, effect, policy, limit, and either a valid word for it or a hold. */
  async #prepare(walk: Walk, tx: Tx): Promise<Prepared> {
    const { caller, admitted, record, context } = walk
    const { holds } = this.#parts
    const { tool, call } = admitted
    const resolved = await call.targets({ ...context, tx })
    record.targets(resolved)
    check(organizationStopGate(caller, tool, call.action, resolved))
    if (call.control.dryRun) {
      const intended = await holds.intend(walk, tx, resolved)
      record.policy(intended.policy, null)
      return { intended, held: null }
    }
    check(this.#limit.gate(caller, tool.name, call.action, context.now()))
    const confirmed = await holds.confirmed(walk, tx, false)
    if (confirmed) {
      const targets = frozenTargets(confirmed, resolved)
      // The audit names what is acted on, not what the same words would mean by now.
      record.targets(targets)
      const present = await holds.intend(walk, tx, targets)
      const policy = holds.inForce(walk, confirmed, present.policy)
      const intended = { ...present, policy }
      record.policy(policy, confirmed.operation)
      if (walk.options.answered === 'declined') {
        await holds.spend(walk, tx, 'cancelled')
        return { intended, held: null, declined: true }
      }
      checkEffect(holds.digests, confirmed, intended)
      const asked = holds.stillToAsk(walk, confirmed, policy)
      if (asked) return { intended, held: asked }
      if (walk.approved || policy.applied !== 'approver') return { intended, held: null }
      await holds.spend(walk, tx, 'awaiting_approval')
      return { intended, held: null, waiting: await holds.request(walk, tx, intended, confirmed.operation) }
    }
    const intended = await holds.intend(walk, tx, resolved)
    record.policy(intended.policy, null)
    const { applied } = intended.policy
    if (applied === 'client') return { intended, held: null }
    if (applied === 'approver') return { intended, held: null, waiting: await holds.request(walk, tx, intended, null) }
    return { intended, held: await holds.hold(walk, tx, intended) }
  }

  /** Consuming the confirmation, the operation's row and the act itself: one transaction, all or nothing. */
  async #commitAct(walk: Walk, tx: Tx, expected: Considered): Promise<{ operation: string; pending: Pending }> {
    const { caller, admitted, record, context } = walk
    const { tool, call } = admitted
    const { holds } = this.#parts
    const resolved = await call.targets({ ...context, tx })
    if (!tool.worksWhenStopped) check(await lateStopGate(caller, tx, resolved))
    let operation: string
    let targets = resolved
    const confirmed = await holds.confirmed(walk, tx, true)
    if (confirmed) {
      targets = frozenTargets(confirmed, resolved)
      const present = await holds.intend(walk, tx, targets)
      checkEffect(holds.digests, confirmed, present)
      operation = confirmed.operation
      const policy = holds.inForce(walk, confirmed, present.policy)
      checkPolicy(expected.policy, policy)
      if (policy.applied !== confirmed.policy.applied) await notePolicy(tx, operation, policy)
      record.policy(policy, operation)
    } else {
      if (tool.needsApprover) throw new Error(`${tool.name} came to run without an approval`)
      // What was looked at a moment ago is what runs: a target that appeared since then is not touched.
      const known = new Set(expected.targets.map((target) => target.id))
      targets = resolved.filter((target) => known.has(target.id))
      operation = context.newId()
      const intended = { ...expected, targets }
      await insertOperation(tx, this.#parts.holds.digests, {
        id: operation,
        callId: record.callId,
        caller,
        now: context.now(),
        intended,
        state: 'running',
        confirmation: null,
      })
      record.policy(expected.policy, operation)
    }
    record.stage = 'running'
    const preview = this.#previewer(walk, tx)
    const pending = await call.run({ ...context, tx, operation, openReading, preview }, targets)
    if (!tool.outlivesCall) await finishOperation(tx, operation, 'succeeded', context.now())
    await this.#parts.tasks.began(walk, tx, operation, pending)
    return { operation, pending }
  }

  #previewer(walk: Walk, tx: Tx) {
    return async (): Promise<PreviewResult> => {
      const { tool, call } = walk.admitted.judged
      // Nothing runs in a preview: whatever ends it is a refusal, as it would be of the call itself.
      walk.record.stage = 'gates'
      if (call.action.tier === 1)
        throw invalidInput(`${tool.name} only reads; call it directly.`, 'No confirmation is needed.')
      // Each preview leaves a row behind, so previews are bounded as the acts are.
      check(this.#limit.gate(walk.caller, `preview of ${tool.name}`, call.action, walk.context.now()))
      const targets = await call.targets({ ...walk.context, tx })
      walk.record.targets(targets)
      check(organizationStopGate(walk.caller, tool, call.action, targets))
      const intended = await this.#parts.holds.intend(walk, tx, targets)
      const held = await this.#parts.holds.hold(walk, tx, intended)
      walk.record.policy(intended.policy, held.operation)
      return { tool: tool.name, tier: call.action.tier, plan: planFor(intended), ...held }
    }
  }

  #access(walk: Walk) {
    const { call } = walk.admitted.judged
    return rowAccess(walk.caller, call.action.permission, needsAdmin(walk.caller, call.action, this.#parts.governance))
  }

  #context(caller: Caller, record: CallRecord): StepContext {
    const { environment, events, services } = this.#parts
    return { caller, callId: record.callId, now: environment.now, newId: environment.newId, events, services }
  }

  /** Before the answer goes out: whatever its reader does next comes after it. */
  async #noteUntrusted({ admitted, caller }: Walk): Promise<void> {
    if (admitted.tool.deviceText) await this.#parts.untrusted.note(caller)
  }

  #settle(walk: Walk, pending: Pending): ReturnType<typeof settle> {
    return settle(this.#parts.db, this.#access(walk), walk, pending)
  }

  async #append(record: CallRecord, kind: 'intent' | 'outcome', said: Partial<Draft>): Promise<string> {
    const drafts = record.drafts(kind, this.#parts.environment.now(), said)
    const ids = await Promise.all(drafts.map((draft) => this.#parts.audit.append(draft)))
    return ids[0] ?? ''
  }

  async #refuse(record: CallRecord, tool: string, error: unknown): Promise<Denied> {
    const known = asKernelError(error)
    record.conceal(known.concealed)
    if (known.code === 'internal') this.#parts.logFailure(record.callId, tool, error)
    const status = record.stage === 'gates' ? 'refused' : 'failed'
    const denial = neutraliseAll(record.explained(known.denial))
    try {
      const decision = status === 'refused' ? 'denied' : 'allowed'
      const outcome = status === 'refused' ? null : 'failed'
      const auditEntry = await this.#append(record, 'outcome', {
        decision,
        outcome,
        code: denial.code,
        reason: denial.reason,
      })
      return { status, denial, auditEntry }
    } catch (auditError) {
      this.#parts.logFailure(record.callId, tool, auditError)
      return { status: 'failed', denial: auditUnavailable, auditEntry: 'not recorded' }
    }
  }
}

const openReading = (): Promise<string> => Promise.reject(new Error('an act has its operation already'))
