/**
 * The door: every act is one call of `invoke`. Read `invoke`, then `#read` for tier 1 and `#act` for tiers 2–3; each line
 * is one step of architecture's picture, in its order.
 */
import type { Scope, Surface } from '@breeze/contract/governance'
import { checkGates, missingScope, parseCall, type Admitted } from './admission.ts'
import { dryRunAnswer, doneAnswer, heldAnswer } from './answers.ts'
import type { AuditAppender } from './audit/appender.ts'
import type { Draft } from './audit/entry.ts'
import { ThrottleRecorder } from './audit/throttle.ts'
import { describePlan, organizationsOf } from './blast-radius.ts'
import { CallRecord } from './call-record.ts'
import { rowAccess, type Caller } from './caller.ts'
import type { Environment } from './context.ts'
import type { Db, Tx } from './db.ts'
import { asKernelError, invalidInput, KernelError } from './errors.ts'
import type { Events } from './events.ts'
import { fault } from './faults.ts'
import { needsAdmin } from './gates/allow-list.ts'
import { decidePolicy, type PolicyDecision, type PolicyRule } from './gates/confirmation.ts'
import { lateStopGate, organizationStopGate, type StopInForce } from './gates/emergency-stop.ts'
import type { Governance } from './gates/may-use.ts'
import { ToolLimit } from './gates/tool-limit.ts'
import type { InvokeOptions, Kernel, Listing, ListingFilter, Outcome } from './kernel.ts'
import {
  checkEffect,
  CONFIRMATION_MINUTES,
  finishOperation,
  frozenTargets,
  hashToken,
  insertOperation,
  readConfirmation,
  type Intended,
} from './operations.ts'
import { neutraliseAll } from './content/hidden.ts'
import type { Registry } from './registry.ts'
import type { Services } from './services.ts'
import type { Pending, Presentation, PreviewResult, StepContext, Target } from './tool.ts'

/** Waiting inside a call ends here; the work goes on and has an id (TOOL-4). */
const LONGEST_WAIT_MS = 40_000

export interface DoorParts {
  registry: Registry
  governance: Governance
  db: Db
  audit: AuditAppender
  events: Events
  services: Services
  environment: Environment
  /** Gets what the caller must not: the cause behind an internal error. */
  logFailure(callId: string, tool: string, error: unknown): void
}

type Walk = { caller: Caller; admitted: Admitted; record: CallRecord; context: StepContext; options: InvokeOptions }

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
    return missingScope(caller, this.#parts.registry, surface, tool, input)
  }

  throttled(caller: Caller, limit: string, retryAfterSeconds: number): void {
    this.#throttles.record(caller, limit, retryAfterSeconds)
  }

  async close(): Promise<void> {
    await this.#throttles.close()
  }

  async invoke(caller: Caller, tool: string, input: unknown, options: InvokeOptions): Promise<Outcome> {
    const { environment, registry, governance } = this.#parts
    const record = new CallRecord(caller, environment.newId(), environment.now(), tool, input)
    try {
      const admitted = parseCall(registry, options.surface, tool, input)
      record.admitted(admitted)
      checkGates(caller, admitted, governance)
      const walk: Walk = { caller, admitted, record, options, context: this.#context(caller, record) }
      return admitted.call.action.tier === 1 ? await this.#read(walk) : await this.#act(walk)
    } catch (error) {
      return this.#refuse(record, tool, error)
    }
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
    await insertOperation(tx, { id, callId: record.callId, caller, now: context.now(), intended, ...rest })
    record.policy(policy, id)
    return id
  }

  // ------------------------------------------------------------------ tiers 2–3

  async #act(walk: Walk): Promise<Outcome> {
    const { admitted, record } = walk
    const { call } = admitted
    const prepared = await this.#parts.db.tenant(this.#access(walk), (tx) => this.#prepare(walk, tx))
    const { intended, held } = prepared
    const plan = describePlan(intended.effect, intended.targets)
    if (call.control.dryRun) {
      return dryRunAnswer(plan, await this.#append(record, 'outcome', { decision: 'allowed', outcome: 'succeeded' }))
    }
    if (held) {
      record.policy(intended.policy, held.operation)
      return heldAnswer(
        plan,
        held,
        await this.#append(record, 'outcome', { decision: 'held', code: 'confirmation_required' }),
      )
    }
    await this.#append(record, 'intent', { decision: 'allowed' })
    fault('intent.recorded')
    const pending = await this.#parts.db.tenant(this.#access(walk), (tx) => this.#commitAct(walk, tx, intended))
    fault('act.committed')
    if (admitted.tool.area === 'administration') this.#parts.events.publish('administration')
    const shown = await this.#settle(walk, pending)
    const entry = await this.#append(record, 'outcome', { decision: 'allowed', outcome: 'succeeded' })
    return doneAnswer(shown, entry)
  }

  /** Everything that is decided before the act: targets, effect, policy, limit, and either a valid token or a hold. */
  async #prepare(walk: Walk, tx: Tx) {
    const { caller, admitted, record, context } = walk
    const { tool, call } = admitted
    const resolved = await call.targets({ ...context, tx })
    record.targets(resolved)
    check(organizationStopGate(caller, tool, call.action, resolved))
    if (call.control.dryRun) {
      const intended = await this.#intend(walk, tx, resolved)
      record.policy(intended.policy, null)
      return { intended, held: null }
    }
    check(this.#limit.gate(caller, tool.name, call.action, context.now()))
    const token = call.control.confirmation
    if (token) {
      const confirmed = await readConfirmation(tx, caller, tool.name, call, token, context.now(), false)
      const targets = frozenTargets(confirmed, resolved)
      // The audit names what is acted on, not what the same words would mean by now.
      record.targets(targets)
      const intended = await this.#intend(walk, tx, targets)
      checkEffect(confirmed, intended)
      record.policy(confirmed.policy, confirmed.operation)
      return { intended, held: null }
    }
    const intended = await this.#intend(walk, tx, resolved)
    record.policy(intended.policy, null)
    if (intended.policy.applied === 'client') return { intended, held: null }
    return { intended, held: await this.#hold(walk, tx, intended, record.callId) }
  }

  /** Consuming the confirmation, the operation's row and the act itself: one transaction, all or nothing. */
  async #commitAct(walk: Walk, tx: Tx, expected: Intended): Promise<Pending> {
    const { caller, admitted, record, context } = walk
    const { tool, call } = admitted
    const resolved = await call.targets({ ...context, tx })
    if (!tool.worksWhenStopped) check(lateStopGate(caller, await this.#stopInForce(caller, tx, resolved)))
    let operation: string
    let targets = resolved
    if (call.control.confirmation) {
      const confirmed = await readConfirmation(
        tx,
        caller,
        tool.name,
        call,
        call.control.confirmation,
        context.now(),
        true,
      )
      targets = frozenTargets(confirmed, resolved)
      checkEffect(confirmed, await this.#intend(walk, tx, targets))
      operation = confirmed.operation
      record.policy(confirmed.policy, operation)
    } else {
      // What was looked at a moment ago is what runs: a target that appeared since then is not touched.
      const known = new Set(expected.targets.map((target) => target.id))
      targets = resolved.filter((target) => known.has(target.id))
      operation = context.newId()
      const intended = { ...expected, targets }
      await insertOperation(tx, {
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
    return pending
  }

  /** Rights are as of the call's start; a stop must count until the very last moment. */
  async #stopInForce(caller: Caller, tx: Tx, targets: readonly Target[]): Promise<StopInForce | undefined> {
    const text = 'select * from stop_in_force($1, $2)'
    return (await tx.prepared<StopInForce>('stop_in_force', text, [caller.credential.id, organizationsOf(targets)]))[0]
  }

  async #intend(walk: Walk, tx: Tx, targets: readonly Target[]): Promise<Intended> {
    const { tool, call } = walk.admitted.judged
    const organizations = organizationsOf(targets)
    const rules = await tx.prepared<PolicyRule>(
      'confirmation_policies_for',
      'select * from confirmation_policies_for($1, $2, $3, $4)',
      [organizations, tool.area, call.action.tier, tool.name],
    )
    const asked = { tool: tool.name, area: tool.area, action: call.action, targets, organizations }
    // What stops an emergency must not itself wait for a confirmation.
    const policy: PolicyDecision = tool.worksWhenStopped
      ? { asked: 'client', applied: 'client' }
      : decidePolicy(walk.caller, asked, rules)
    return { tool: tool.name, call, targets, policy, effect: await call.plan({ ...walk.context, tx }, [...targets]) }
  }

  /** Writes the pending row before anyone is asked, and makes the token that confirms it. */
  async #hold(walk: Walk, tx: Tx, intended: Intended, callId: string) {
    const { caller, context } = walk
    const operation = context.newId()
    const token = `brzc_${this.#parts.environment.randomBytes(24).toString('base64url')}`
    const expiresAt = new Date(context.now().getTime() + CONFIRMATION_MINUTES * 60_000)
    const confirmation = { hash: hashToken(token), expiresAt }
    await insertOperation(tx, {
      id: operation,
      callId,
      caller,
      now: context.now(),
      intended,
      state: 'awaiting_confirmation',
      confirmation,
    })
    return { operation, confirmation: { token, expires_at: expiresAt.toISOString() } }
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
      const intended = await this.#intend(walk, tx, targets)
      const held = await this.#hold(walk, tx, intended, walk.record.callId)
      walk.record.policy(intended.policy, held.operation)
      return { tool: tool.name, tier: call.action.tier, plan: describePlan(intended.effect, targets), ...held }
    }
  }

  // ------------------------------------------------------------------ shared

  #access(walk: Walk) {
    const { call } = walk.admitted.judged
    return rowAccess(walk.caller, call.action.permission, needsAdmin(walk.caller, call.action, this.#parts.governance))
  }

  #context(caller: Caller, record: CallRecord): StepContext {
    const { environment, events, services } = this.#parts
    return { caller, callId: record.callId, now: environment.now, newId: environment.newId, events, services }
  }

  async #settle(walk: Walk, pending: Pending): Promise<Presentation<Readonly<Record<string, unknown>>>> {
    const signals = [AbortSignal.timeout(LONGEST_WAIT_MS), ...(walk.options.signal ? [walk.options.signal] : [])]
    const access = this.#access(walk)
    const shown = await pending.settle({
      ...walk.context,
      signal: AbortSignal.any(signals),
      transaction: (work) => this.#parts.db.tenant(access, work),
    })
    // Whoever ended the waiting with a refusal means that nothing is shown any more.
    const reason: unknown = walk.options.signal?.reason
    if (reason instanceof KernelError) throw reason
    return shown
  }

  async #append(record: CallRecord, kind: 'intent' | 'outcome', said: Partial<Draft>): Promise<string> {
    const drafts = record.drafts(kind, this.#parts.environment.now(), said)
    const ids = await Promise.all(drafts.map((draft) => this.#parts.audit.append(draft)))
    return ids[0] ?? ''
  }

  async #refuse(record: CallRecord, tool: string, error: unknown): Promise<Outcome> {
    const known = asKernelError(error)
    if (known.code === 'internal') this.#parts.logFailure(record.callId, tool, error)
    const status = record.stage === 'gates' ? 'refused' : 'failed'
    const denial = neutraliseAll(known.denial)
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

const auditUnavailable = {
  code: 'unavailable' as const,
  reason: 'The audit could not be written, so the call was not completed.',
  remedy: 'Look with get_operation whether anything was started, then try again.',
}

const openReading = (): Promise<string> => Promise.reject(new Error('an act has its operation already'))

function check(
  verdict: { verdict: 'allow' } | { verdict: 'deny'; denial: ConstructorParameters<typeof KernelError>[0] },
): void {
  if (verdict.verdict === 'deny') throw new KernelError(verdict.denial)
}
