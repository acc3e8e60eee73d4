import {
  type CommandOutcome,
  type CommandPayload,
  commandPayload,
  type SignedCommand,
} from '@breeze/contract/agent-commands'
import type { ServerKey } from '@breeze/contract/agent-protocol'
import { setTimeout as sleep } from 'node:timers/promises'
import { judgeCommand } from './command-gate.ts'
import type { Reply } from './device.ts'
import type { Execution, Executor, Executors } from './executor.ts'
import { fault } from './faults.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { errorText, type Log } from './log.ts'
import { patiently } from './patience.ts'
import type { ServerClock } from './server-clock.ts'

/** Scripts at once; the rest wait in the order they were accepted. */
const MAX_SCRIPTS = 4
const JOURNAL_RETRY_MS = 10_000

export interface CommandRunnerOptions {
  deviceId: string
  journal: Pick<Journal, keyof Journal>
  clock: ServerClock
  executors: Executors
  serverKeys: () => readonly ServerKey[]
  /** Ends what an interrupted command left running. */
  sweep: (commandId: string) => Promise<void>
  log: Log
}

/** From a delivered command to a result the server holds: gate, journal, queue, executor, journal, result. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions
  readonly #accepting = new Set<string>()
  readonly #scripts: (() => Promise<void>)[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #runningScripts = 0
  /** What the last run of the agent left open. Taken before anything new can arrive. */
  #leftovers: readonly JournalEntry[]
  #resending: Promise<void> = Promise.resolve()

  constructor(options: CommandRunnerOptions) {
    this.#options = options
    this.#leftovers = options.journal.entries()
  }

  /** Before connecting: what had started when the agent died is ended, never repeated, and reported as interrupted. */
  async recover(): Promise<void> {
    const { journal, log, sweep } = this.#options
    for (const entry of this.#leftovers) {
      if (entry.state !== 'started') continue
      log('command_interrupted', { commandId: entry.commandId })
      await sweep(entry.commandId)
      await journal.finished(entry.commandId, interruptedOutcome(entry))
    }
  }

  async handle(command: SignedCommand, reply: Reply): Promise<void> {
    const { journal, log } = this.#options
    const decision = judgeCommand(command, this.#gateContext())
    if (decision.decision === 'ignored') {
      log('command_ignored', { reason: decision.reason })
      return
    }
    const { commandId } = decision.decision === 'run' ? decision.payload : decision
    if (decision.decision === 'rejected') {
      log('command_rejected', { commandId, reason: decision.reason })
      await reply({ type: 'result', commandId, outcome: { state: 'rejected', reason: decision.reason } })
      return
    }
    if (decision.decision === 'duplicate') {
      await this.#answerDuplicate(commandId, reply)
      return
    }
    if (this.#stop.signal.aborted) return
    // Reserved before the first await, so that a second delivery in the meantime is seen as one.
    this.#accepting.add(commandId)
    try {
      // Silence makes the server deliver the command again after the next welcome.
      if (!(await journal.hasRoom())) return log('journal_full', { commandId })
      await journal.accepted(commandId, decision.expiresAt, command)
    } finally {
      this.#accepting.delete(commandId)
    }
    log('command_accepted', { commandId, type: decision.payload.body.type })
    await patiently(reply({ type: 'accepted', commandId }))
    fault('accepted.sent')
    this.#enqueue(decision.payload, reply)
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
    this.#stop.abort()
    this.#scripts.length = 0
    await Promise.allSettled(this.#running)
  }

  #gateContext() {
    const { journal, clock, deviceId, serverKeys } = this.#options
    return {
      deviceId,
      serverKeys: serverKeys(),
      now: clock.now(),
      forgottenUntil: journal.forgottenUntil,
      isKnown: (commandId: string) => journal.get(commandId) !== undefined || this.#accepting.has(commandId),
    }
  }

  async #answerDuplicate(commandId: string, reply: Reply): Promise<void> {
    const { journal } = this.#options
    // The first delivery answers when the command is durable.
    if (this.#accepting.has(commandId)) return
    const outcome = await journal.outcome(commandId)
    await reply(outcome ? { type: 'result', commandId, outcome } : { type: 'accepted', commandId })
  }

  async #resume(entry: Extract<JournalEntry, { state: 'accepted' }>, reply: Reply): Promise<void> {
    const { commandId } = entry
    this.#options.log('command_resumed', { commandId })
    await patiently(reply({ type: 'accepted', commandId }))
    // Its signature was checked before it was written to a journal that only this agent can write.
    this.#enqueue(commandPayload.parse(JSON.parse(entry.command.payload)), reply)
  }

  async #resend(reply: Reply): Promise<void> {
    for (const { commandId, state } of this.#options.journal.entries()) {
      if (state !== 'finished') continue
      const outcome = await this.#options.journal.outcome(commandId)
      if (outcome && !(await reply({ type: 'result', commandId, outcome }))) return
    }
  }

  #enqueue(payload: CommandPayload, reply: Reply): void {
    const { body } = payload
    if (body.type !== 'script.run') {
      this.#track(this.#carryOut(payload, reply))
      return
    }
    this.#scripts.push(() => this.#carryOut(payload, reply))
    this.#nextScript()
  }

  #nextScript(): void {
    if (this.#runningScripts >= MAX_SCRIPTS || this.#stop.signal.aborted) return
    const script = this.#scripts.shift()
    if (!script) return
    this.#runningScripts++
    this.#track(
      script().finally(() => {
        this.#runningScripts--
        this.#nextScript()
      }),
    )
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work
      .catch((error: unknown) => this.#options.log('command_error', { message: errorText(error) }))
      .finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  async #carryOut(payload: CommandPayload, reply: Reply): Promise<void> {
    const { commandId, body } = payload
    // The union of bodies pairs each type with its arguments; the compiler can't follow the pair through the look-up.
    const executor = this.#options.executors[body.type] as Executor | undefined
    if (!executor) {
      await this.#finish(commandId, { state: 'rejected', reason: `unsupported: ${body.type} on this agent` }, reply)
      return
    }
    await this.#execute(executor, { commandId, signal: this.#stop.signal, reply, args: body.args }, payload)
  }

  async #execute<T extends CommandPayload['body']['type']>(
    executor: Executor<T>,
    execution: Execution<T>,
    payload: CommandPayload,
  ): Promise<void> {
    const { journal, clock } = this.#options
    const { commandId, reply } = execution
    // It may have waited for a free place, or for the agent to come back.
    if (Date.parse(payload.expiresAt) <= clock.now()) {
      await this.#finish(commandId, { state: 'rejected', reason: 'expired' }, reply)
      return
    }
    const unsupported = await executor.unsupported(execution)
    if (unsupported !== undefined) {
      await this.#finish(commandId, { state: 'rejected', reason: `unsupported: ${unsupported}` }, reply)
      return
    }
    // Accepted and not started survives a stop: the next run takes it up.
    if (this.#stop.signal.aborted) return
    const startedAt = new Date().toISOString()
    await journal.started(commandId, startedAt)
    await patiently(reply({ type: 'started', commandId, startedAt }))
    const { outcome, afterwards } = await this.#runExecutor(executor, execution, startedAt)
    await this.#finish(commandId, outcome, reply)
    const correction = await afterwards?.()
    if (correction) await this.#finish(commandId, correction, reply)
  }

  async #runExecutor<T extends CommandPayload['body']['type']>(
    executor: Executor<T>,
    execution: Execution<T>,
    startedAt: string,
  ) {
    try {
      return await executor.run(execution)
    } catch (error) {
      this.#options.log('executor_error', { commandId: execution.commandId, message: errorText(error) })
      const outcome: CommandOutcome = {
        state: 'failed',
        reason: `the agent could not run it: ${errorText(error)}`.slice(0, 500),
        startedAt,
        finishedAt: new Date().toISOString(),
      }
      return { outcome, afterwards: undefined }
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
        if (this.#stop.signal.aborted) throw error
        await sleep(JOURNAL_RETRY_MS)
      }
    }
    log('command_finished', { commandId, state: outcome.state })
    await patiently(reply({ type: 'result', commandId, outcome }))
    fault('result.sent')
  }
}

function interruptedOutcome(entry: Extract<JournalEntry, { state: 'started' }>): CommandOutcome {
  return {
    state: 'interrupted',
    reason: 'The agent or the machine stopped while the command ran',
    startedAt: entry.startedAt,
    finishedAt: new Date().toISOString(),
  }
}
