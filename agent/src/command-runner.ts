import {
  type CommandOutcome,
  type CommandPayload,
  commandPayload,
  type RejectionReason,
  type SignedCancel,
  type SignedCommand,
} from '@breeze/contract/agent-commands'
import { type AgentConfiguration, DEFAULT_CONFIGURATION } from '@breeze/contract/agent-configuration'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { setTimeout as sleep } from 'node:timers/promises'
import { judgeCancel, judgeCommand } from './command-gate.ts'
import type { SectionName } from '@breeze/contract/agent-inventory'
import type { InventoryBody, Reply } from './device.ts'
import {
  type EndReason,
  type Execution,
  type Executor,
  type Executors,
  type HandedOver,
  isCancelled,
  type Tell,
} from './executor.ts'
import { fault } from './faults.ts'
import type { Journal, JournalEntry } from './journal.ts'
import type { LocalPolicy } from './local-policy.ts'
import { errorText, type Log } from './log.ts'
import { patiently } from './patience.ts'
import { NEVER_STARTED, runExecutor } from './run-executor.ts'
import type { ServerClock } from './server-clock.ts'
import { WorkQueue } from './work-queue.ts'

const JOURNAL_RETRY_MS = 10_000
/** How long a restart of the agent waits for what is at work. */
const LAST_WORK_MS = 600_000
/** A cancel may overtake its command. Commands that wait for a device do not wait longer than this. */
const CANCEL_KEPT_MS = 31 * 86_400_000

export interface CommandRunnerOptions {
  deviceId: string
  journal: Pick<Journal, keyof Journal>
  clock: ServerClock
  executors: Executors
  serverKeys: () => readonly ServerKey[]
  /** Ends what an interrupted command left running. */
  sweep: (commandId: string) => Promise<void>
  /** What the owner of the device forbids; nothing where the device is an invented one. */
  policy?: Pick<LocalPolicy, 'denies'>
  /** In force at this moment. */
  configuration?: () => Pick<AgentConfiguration, 'maxConcurrentScripts' | 'streamOutput'>
  /** Reads sections of the device anew. Without a device there is nothing to read. */
  look?: (sections: readonly SectionName[]) => InventoryBody | Promise<InventoryBody>
  /** What the run before left to this one. */
  handedOver?: HandedOver
  log: Log
}

/** From a delivered command to a result the server holds: gate, journal, queue, executor, journal, result. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions
  /** What may still be cancelled: from the moment a command is taken until its outcome is durable. */
  readonly #tasks = new Map<string, AbortController>()
  readonly #scripts: WorkQueue
  readonly #running = new Set<Promise<void>>()
  /** Those of them that the agent's own restart would break off. */
  readonly #others = new Set<Promise<void>>()
  #stopping = false
  /** The agent is about to start anew: what comes now is kept for its next run. */
  #handingOver = false
  /** What the last run of the agent left open. Taken before anything new can arrive. */
  #leftovers: readonly JournalEntry[]
  #resending: Promise<void> = Promise.resolve()

  constructor(options: CommandRunnerOptions) {
    this.#options = options
    this.#leftovers = options.journal.entries()
    this.#scripts = new WorkQueue(() => (this.#stopping ? 0 : this.#configuration().maxConcurrentScripts))
    for (const { commandId, state } of this.#leftovers) if (state === 'accepted') this.#newTask(commandId)
  }

  /** Before connecting: what had started when the agent died is ended, never repeated, and reported as interrupted. */
  async recover(): Promise<void> {
    const { journal, log, sweep, handedOver } = this.#options
    for (const entry of this.#leftovers) {
      const { commandId, state } = entry
      if (state !== 'started' || handedOver?.isPending(commandId)) continue
      const outcome = handedOver?.outcome(commandId)
      if (!outcome) {
        log('command_interrupted', { commandId })
        await sweep(commandId)
      }
      await journal.finished(commandId, outcome ? finishedNow(entry, outcome) : interruptedOutcome(entry))
    }
  }

  /** What became of a command that was handed over is known now. */
  async settle(commandId: string, reply: Reply): Promise<void> {
    const entry = this.#options.journal.get(commandId)
    const outcome = this.#options.handedOver?.outcome(commandId)
    if (entry?.state === 'started' && outcome) await this.#finish(commandId, finishedNow(entry, outcome), reply)
  }

  async handle(command: SignedCommand, reply: Reply): Promise<void> {
    const { log } = this.#options
    const decision = judgeCommand(command, this.#gateContext())
    if (decision.decision === 'ignored') {
      log('command_ignored', { reason: decision.reason })
      return
    }
    const { commandId } = decision.decision === 'run' ? decision.payload : decision
    if (decision.decision === 'rejected') return await this.#reject(commandId, decision.reason, reply)
    if (decision.decision === 'duplicate') {
      await this.#answerDuplicate(commandId, reply)
      return
    }
    if (!this.#stopping) await this.#accept(command, decision, reply)
  }

  /**
   * What has not started never does; what runs is ended where its type allows it; what is finished is told again. A
   * command that has not arrived is refused when it does.
   */
  async cancel(cancel: SignedCancel, reply: Reply): Promise<void> {
    const { journal, clock, log, deviceId, serverKeys } = this.#options
    const decision = judgeCancel(cancel, { deviceId, serverKeys: serverKeys() })
    if (decision.decision === 'ignored') {
      log('cancel_ignored', { reason: decision.reason })
      return
    }
    const { commandId } = decision
    log('command_cancelled', { commandId })
    const task = this.#tasks.get(commandId)
    if (task && !this.#stopping) {
      task.abort('cancelled' satisfies EndReason)
      // Out of the queue: its end must not wait for a free place.
      const waiting = this.#scripts.take(commandId)
      if (waiting) await waiting()
      return
    }
    const known = journal.get(commandId)
    // Nothing is awaited before this, so that the command can't slip in between. An accepted one is left by a stop.
    if (!known || known.state === 'accepted') await journal.cancelled(commandId, clock.now() + CANCEL_KEPT_MS)
    const outcome = known ? await journal.outcome(commandId) : NEVER_STARTED
    if (outcome) await reply({ type: 'result', commandId, outcome })
  }

  /**
   * After each welcome: what was accepted and never started (once, and only now, because expiry is judged by the
   * server's time), then every result the server has not confirmed.
   */
  async welcomed(reply: Reply): Promise<void> {
    const leftovers = this.#leftovers
    this.#leftovers = []
    for (const entry of leftovers) if (entry.state === 'accepted') await this.#resume(entry, reply)
    this.#resending = this.#resending.then(() => this.#resend(reply))
    await this.#resending
  }

  async resultRecorded(commandId: string): Promise<void> {
    await this.#options.journal.acknowledged(commandId)
  }

  /** Ends what runs, records it as interrupted and takes no more. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#scripts.clear()
    for (const task of this.#tasks.values()) task.abort('stopped' satisfies EndReason)
    await Promise.allSettled(this.#running)
  }

  #configuration() {
    return this.#options.configuration?.() ?? DEFAULT_CONFIGURATION
  }

  #newTask(commandId: string): AbortController {
    const task = new AbortController()
    if (this.#options.journal.isCancelled(commandId)) task.abort('cancelled' satisfies EndReason)
    this.#tasks.set(commandId, task)
    return task
  }

  async #accept(
    command: SignedCommand,
    { payload, expiresAt }: { payload: CommandPayload; expiresAt: number },
    reply: Reply,
  ): Promise<void> {
    const { journal, log } = this.#options
    const { commandId, body } = payload
    // Reserved before the first await, so that a second delivery in the meantime is seen as one.
    const task = this.#newTask(commandId)
    let kept = false
    try {
      if (await this.#options.policy?.denies(body)) return await this.#reject(commandId, 'denied_locally', reply)
      // Silence makes the server deliver the command again after the next welcome.
      if (!(await journal.hasRoom())) return log('journal_full', { commandId })
      await journal.accepted(commandId, expiresAt, command)
      kept = true
    } finally {
      if (!kept) await this.#letGo(commandId, task)
    }
    log('command_accepted', { commandId, type: body.type })
    await patiently(reply({ type: 'accepted', commandId }))
    fault('accepted.sent')
    this.#enqueue(payload, task, reply)
  }

  async #reject(commandId: string, reason: RejectionReason, reply: Reply): Promise<void> {
    this.#options.log('command_rejected', { commandId, reason })
    await reply({ type: 'result', commandId, outcome: { state: 'rejected', reason } })
  }

  /** It will be delivered again, and a cancel that came meanwhile holds then too. */
  async #letGo(commandId: string, { signal }: AbortController): Promise<void> {
    const { journal, clock } = this.#options
    this.#tasks.delete(commandId)
    if (isCancelled(signal)) await journal.cancelled(commandId, clock.now() + CANCEL_KEPT_MS)
  }

  #gateContext() {
    const { journal, clock, deviceId, serverKeys } = this.#options
    return {
      deviceId,
      serverKeys: serverKeys(),
      now: clock.now(),
      forgottenUntil: journal.forgottenUntil,
      isKnown: (commandId: string) => journal.get(commandId) !== undefined || this.#tasks.has(commandId),
    }
  }

  async #answerDuplicate(commandId: string, reply: Reply): Promise<void> {
    const { journal } = this.#options
    // The first delivery answers when the command is durable.
    if (!journal.get(commandId)) return
    const outcome = await journal.outcome(commandId)
    await reply(outcome ? { type: 'result', commandId, outcome } : { type: 'accepted', commandId })
  }

  async #resume(entry: Extract<JournalEntry, { state: 'accepted' }>, reply: Reply): Promise<void> {
    const { commandId } = entry
    const task = this.#tasks.get(commandId)
    if (!task) return
    this.#options.log('command_resumed', { commandId })
    await patiently(reply({ type: 'accepted', commandId }))
    // Its signature was checked before it was written to a journal that only this agent can write.
    this.#enqueue(commandPayload.parse(JSON.parse(entry.command.payload)), task, reply)
  }

  async #resend(reply: Reply): Promise<void> {
    for (const { commandId, state } of this.#options.journal.entries()) {
      if (state !== 'finished') continue
      const outcome = await this.#options.journal.outcome(commandId)
      if (outcome && !(await reply({ type: 'result', commandId, outcome }))) return
    }
  }

  #enqueue(payload: CommandPayload, task: AbortController, reply: Reply): void {
    const { commandId, body } = payload
    if (this.#handingOver) return
    const begin = () => this.#track(this.#carryOut(payload, task.signal, reply), body.type)
    if (body.type === 'script.run' && !task.signal.aborted) this.#scripts.add(commandId, begin)
    else void begin()
  }

  #track(work: Promise<void>, type: CommandPayload['body']['type']): Promise<void> {
    const tracked: Promise<void> = work
      .catch((error: unknown) => this.#options.log('command_error', { message: errorText(error) }))
      .finally(() => {
        this.#running.delete(tracked)
        this.#others.delete(tracked)
      })
    this.#running.add(tracked)
    if (type !== 'agent.update') this.#others.add(tracked)
    return tracked
  }

  async #carryOut(payload: CommandPayload, signal: AbortSignal, reply: Reply): Promise<void> {
    const { commandId, body } = payload
    if (isCancelled(signal)) return await this.#finish(commandId, NEVER_STARTED, reply)
    // The union of bodies pairs each type with its arguments; the compiler can't follow the pair through the look-up.
    const executor = this.#options.executors[body.type] as Executor | undefined
    if (!executor) {
      await this.#finish(commandId, { state: 'rejected', reason: `unsupported: ${body.type} on this agent` }, reply)
      return
    }
    const execution = { commandId, signal, reply: this.#streaming(reply), tell: this.#telling(reply), args: body.args }
    await this.#execute(executor, execution, payload)
  }

  async #execute<T extends CommandPayload['body']['type']>(
    executor: Executor<T>,
    execution: Execution<T>,
    payload: CommandPayload,
  ): Promise<void> {
    const { journal, log } = this.#options
    const { commandId, signal, reply } = execution
    const refusal = await this.#refusal(executor, execution, payload)
    if (refusal !== undefined) return await this.#finish(commandId, { state: 'rejected', reason: refusal }, reply)
    if (isCancelled(signal)) return await this.#finish(commandId, NEVER_STARTED, reply)
    // Accepted and not started survives a stop: the next run takes it up.
    if (signal.aborted) return
    const startedAt = new Date().toISOString()
    await journal.started(commandId, startedAt)
    await patiently(reply({ type: 'started', commandId, startedAt }))
    const { outcome, afterwards, handOver } = await runExecutor(executor, execution, startedAt, log)
    if (handOver) return await this.#handOver(handOver)
    await this.#finish(commandId, outcome, reply)
    const correction = await afterwards?.()
    if (correction) await this.#finish(commandId, correction, reply)
  }

  /** Others at work come to their end first; those that wait are taken up by the next run. */
  async #handOver(restart: () => void): Promise<void> {
    this.#handingOver = true
    this.#scripts.clear()
    const others = [...this.#others]
    await Promise.race([Promise.allSettled(others), sleep(LAST_WORK_MS, undefined, { ref: false })])
    restart()
  }

  /** Judged once more, because it may have waited for a free place, or for the agent to come back. */
  async #refusal<T extends CommandPayload['body']['type']>(
    executor: Executor<T>,
    execution: Execution<T>,
    { expiresAt, body }: CommandPayload,
  ): Promise<string | undefined> {
    const { clock, policy } = this.#options
    if (Date.parse(expiresAt) <= clock.now()) return 'expired' satisfies RejectionReason
    if (await policy?.denies(body)) return 'denied_locally' satisfies RejectionReason
    const unsupported = await executor.unsupported(execution)
    return unsupported === undefined ? undefined : `unsupported: ${unsupported}`.slice(0, 500)
  }

  /** Output is sent as it comes only where the server wants it so. */
  #streaming(reply: Reply): Reply {
    return (frame) =>
      frame.type === 'output' && !this.#configuration().streamOutput ? Promise.resolve(false) : reply(frame)
  }

  #telling(reply: Reply): Tell {
    return async (names) => {
      const body = await this.#options.look?.(names)
      if (!body) return {}
      await patiently(reply({ type: 'inventory', ...body }))
      return body.sections
    }
  }

  async #finish(commandId: string, outcome: CommandOutcome, reply: Reply): Promise<void> {
    const { journal, log } = this.#options
    for (;;) {
      try {
        await journal.finished(commandId, outcome)
        break
      } catch (error) {
        // A full disk: the result is held in memory until it can be kept, unless the agent is going down anyway.
        log('journal_error', { commandId, message: errorText(error) })
        if (this.#stopping) throw error
        await sleep(JOURNAL_RETRY_MS)
      }
    }
    this.#tasks.delete(commandId)
    log('command_finished', { commandId, state: outcome.state })
    await patiently(reply({ type: 'result', commandId, outcome }))
    fault('result.sent')
  }
}

const finishedNow = ({ startedAt }: Extract<JournalEntry, { state: 'started' }>, outcome: CommandOutcome) => ({
  ...outcome,
  startedAt,
  finishedAt: new Date().toISOString(),
})

function interruptedOutcome(entry: Extract<JournalEntry, { state: 'started' }>): CommandOutcome {
  return {
    state: 'interrupted',
    reason: 'The agent or the machine stopped while the command ran',
    startedAt: entry.startedAt,
    finishedAt: new Date().toISOString(),
  }
}
