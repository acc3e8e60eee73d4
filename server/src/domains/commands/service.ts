/** Commands to devices: queued and signed within an act's transaction, delivered after it, their results never lost. */
import type { CommandOutcome } from '@breeze/contract/agent-commands'
import type { Logger } from 'pino'
import type { CommandSigner } from '../../keys/keys.ts'
import type { SecretBox } from '../../keys/secret-box.ts'
import { Batch } from '../../kernel/batch.ts'
import type { Db, Tx } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { fault } from '../../kernel/faults.ts'
import { Announcements } from './announcements.ts'
import { cancelCommands, type Cancellation, type Cancelled, type OutgoingCancel, pendingCancels } from './cancel.ts'
import { storableData } from './data.ts'
import { claim, type Delivery, nextInTurn, type Outgoing, redeliver } from './delivery.ts'
import { appendOutput, type Chunk } from './output.ts'
import { giveUpOverdue, lockCommands, recordSteps, type Step } from './progress.ts'
import { insertCommands, type QueuedCommand, type QueueRequest } from './queue.ts'
import {
  type CommandResult,
  type EndedCommand,
  endedCommands,
  type EndedScript,
  endedScripts,
  failedDevicesOf,
  type ResultsPage,
  resultsOf,
} from './reads.ts'
import { type Boot, recordReturns } from './returns.ts'
import { type IncomingResult, recordResults, type ResultAnswer } from './results.ts'
import { COMMAND_STATES, type CommandState, isOpen } from './tables.ts'
import { type Waiting, waitingOf } from './waiting.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    commands: Commands
  }
}

export interface CommandsOptions {
  db: Db
  events: Events
  signer: CommandSigner
  /** Seals commands that carry secrets. */
  box: SecretBox
  now(): Date
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** How long a result waits for others to share its statement. */
  windowMs?: number
}

export interface OperationProgress {
  total: number
  /** In a final state, the server's suppositions included. */
  finished: number
  byState: Record<CommandState, number>
}

type Word =
  | { kind: 'result'; result: IncomingResult; bytes: number }
  | { kind: 'output'; chunk: Chunk }
  | { kind: 'step'; step: Step }

const SWEEP_EVERY_MS = 5000
const BOOTS_WINDOW_MS = 200
const SWEEP_ROWS = 500

const PROGRESS = `
  select state, count(*) as n from device_commands where operation_id = $1 group by state
  union all select 'rejected', cardinality(left_out) from operations where id = $1 and left_out <> '{}'`
const PROGRESS_OF = `
  select operation_id as id, state, count(*) as n from device_commands where operation_id = any ($1::uuid[]) group by 1, 2
  union all select id, 'rejected', cardinality(left_out) from operations where id = any ($1::uuid[]) and left_out <> '{}'`

function progressFrom(rows: readonly { state: CommandState; n: number }[]): OperationProgress {
  // Object.fromEntries forgets the keys' type; they are exactly the states.
  const byState = Object.fromEntries(COMMAND_STATES.map((state) => [state, 0])) as Record<CommandState, number>
  for (const row of rows) byState[row.state] += row.n
  const total = rows.reduce((sum, row) => sum + row.n, 0)
  const finished = rows.reduce((sum, row) => sum + (isOpen(row.state) ? 0 : row.n), 0)
  return { total, finished, byState }
}

export class Commands {
  readonly #options: CommandsOptions
  /** One line for steps, output and results of all devices, so that a command's `started` never overtakes its result. */
  readonly #words: Batch<Word, ResultAnswer>
  /** Devices that were heard in a boot, most of them with each new connection. */
  readonly #boots: Batch<Boot, null>
  readonly #announcements: Announcements
  #delivery: Delivery = { wake: () => {}, cancel: () => {} }
  #timer: ReturnType<typeof setInterval> | undefined
  #sweeping: Promise<number> | undefined
  #sending: Promise<unknown> = Promise.resolve()

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#announcements = new Announcements(options.events)
    this.#words = new Batch({
      windowMs: options.windowMs ?? 10,
      maxItems: 500,
      maxWeight: 8_000_000,
      weigh: weightOf,
      handle: (words) => this.#record(words),
    })
    this.#boots = new Batch({ windowMs: BOOTS_WINDOW_MS, maxItems: 500, handle: (boots) => this.#recordBoots(boots) })
  }

  /** Starts giving up on overdue commands. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.sweep().catch((error: unknown) => this.#options.log.error({ err: error }, 'command sweep failed'))
    }, SWEEP_EVERY_MS)
  }

  /** Resolves when everything that was being written is written. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#words.idle()
    await this.#boots.idle()
    await this.#sweeping
    await this.#sending
    this.#announcements.stop()
  }

  /** Who is woken when something was queued. */
  deliverThrough(delivery: Delivery): void {
    this.#delivery = delivery
  }

  // ---------------------------------------------------------------- for tools, in the caller's transaction

  /** Throws `notFound` for a device that the transaction does not see: then nothing of the act may stand. */
  async queue(tx: Tx, now: Date, request: QueueRequest): Promise<QueuedCommand[]> {
    const keys = { signer: this.#options.signer.current(), box: this.#options.box }
    const queued = await insertCommands(tx, keys, now, request)
    tx.afterCommit(() => {
      fault('command.queued')
      this.#delivery.wake(queued.map((command) => command.deviceId))
    })
    return queued
  }

  /** What has not been handed to a connection yet is never delivered; of the rest, the devices are asked to stop it. */
  async cancel(tx: Tx, now: Date, which: Cancellation, reason: string): Promise<Cancelled> {
    const rows = await cancelCommands(tx, now, which, reason)
    const asked = rows.filter((row) => row.state !== 'cancelled')
    tx.afterCommit(() => {
      this.#announcements.changed(rows.map((row) => row.operation_id))
      fault('cancel.requested')
      this.#delivery.cancel([...new Set(asked.map((row) => row.device_id))])
    })
    return { cancelled: rows.length - asked.length, asked: asked.length }
  }

  /** Devices that got no command count as rejected. */
  async operationProgress(tx: Tx, operationId: string): Promise<OperationProgress> {
    const rows = await tx.prepared<{ state: CommandState; n: number }>('operation_progress', PROGRESS, [operationId])
    return progressFrom(rows)
  }

  /** The same of several; those without a command are not among them. */
  async progressOf(tx: Tx, operationIds: readonly string[]): Promise<Map<string, OperationProgress>> {
    const rows = await tx.prepared<{ id: string; state: CommandState; n: number }>('progress_of', PROGRESS_OF, [
      operationIds,
    ])
    return new Map([...Map.groupBy(rows, ({ id }) => id)].map(([id, states]) => [id, progressFrom(states)]))
  }

  /** What keeps an operation from ending, the most frequent first. */
  waiting(tx: Tx, operationId: string): Promise<Waiting[]> {
    return waitingOf(tx, operationId)
  }

  /** Devices where an operation came to no good end, as far as they would get another command. */
  failedDevices(tx: Tx, operationId: string): Promise<string[]> {
    return failedDevicesOf(tx, operationId)
  }

  /** The commands of an operation with what became of them, in a stable order. */
  results(tx: Tx, operationId: string, page: ResultsPage): Promise<CommandResult[]> {
    return resultsOf(tx, operationId, page)
  }

  /** Of these commands, those that have ended, as far as the server knows. */
  ended(tx: Tx, ids: readonly string[]): Promise<EndedCommand[]> {
    return endedCommands(tx, ids)
  }

  /** The same of scripts, with the end of what they wrote. */
  endedScripts(tx: Tx, ids: readonly string[], characters: number): Promise<EndedScript[]> {
    return endedScripts(tx, ids, characters)
  }

  // ---------------------------------------------------------------- for the agents' adapter

  claim(deviceIds: readonly string[]): AsyncGenerator<Outgoing[]> {
    return claim(this.#options.db, this.#options.box, this.#options.now, deviceIds)
  }

  redeliver(deviceIds: readonly string[]): AsyncGenerator<Outgoing[]> {
    return redeliver(this.#options.db, this.#options.box, deviceIds)
  }

  /** What connected devices are asked to stop: after a cancel, and again when they return. */
  cancels(deviceIds: readonly string[]): AsyncGenerator<OutgoingCancel[]> {
    return pendingCancels(this.#options.db, this.#options.signer, deviceIds)
  }

  async accepted(deviceId: string, commandId: string): Promise<void> {
    await this.#words.add({ kind: 'step', step: { deviceId, commandId, state: 'accepted', startedAt: null } })
  }

  /** `startedAt`: the device's own clock, or null when it can't be believed. */
  async started(deviceId: string, commandId: string, startedAt: Date | null): Promise<void> {
    await this.#words.add({ kind: 'step', step: { deviceId, commandId, state: 'started', startedAt } })
  }

  /** A piece of what a running command writes. Resolves when it is kept, or left out for being nobody's or too much. */
  async output(deviceId: string, commandId: string, sequence: number, text: string): Promise<void> {
    await this.#words.add({ kind: 'output', chunk: { deviceId, commandId, sequence, text } })
  }

  /** Resolves when the result is durable (or can't be: see the answer). Only a device's own commands are touched. */
  recordResult(
    deviceId: string,
    commandId: string,
    outcome: CommandOutcome,
    bootId: string | null = null,
  ): Promise<ResultAnswer> {
    fault('result.received')
    const data = storableData(outcome.data)
    const bytes = 200 + (outcome.output?.length ?? 0) + (data.json?.length ?? 0)
    return this.#words.add({ kind: 'result', result: { deviceId, commandId, outcome, data, bootId }, bytes })
  }

  /** A device was heard in this boot: those that were sent a reboot have returned when it is another. */
  async booted(deviceId: string, bootId: string): Promise<void> {
    await this.#boots.add({ deviceId, bootId })
  }

  /** Gives up on what is overdue, in bounded steps. Answers how many steps it took. */
  sweep(): Promise<number> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  async #sweep(): Promise<number> {
    for (let steps = 1; ; steps++) {
      const { operations, more } = await this.#options.db.worker((tx) =>
        giveUpOverdue(tx, this.#options.now(), SWEEP_ROWS),
      )
      this.#announcements.changed(operations)
      if (more) continue
      // Also what a stopped server had no time to send on.
      await this.#sendNext(null)
      return steps
    }
  }

  async #recordBoots(boots: Boot[]): Promise<null[]> {
    const operations = await this.#options.db.worker((tx) => recordReturns(tx, this.#options.now(), boots))
    this.#announcements.changed(operations)
    return boots.map(() => null)
  }

  async #record(words: Word[]): Promise<ResultAnswer[]> {
    const now = this.#options.now()
    const steps = words.flatMap((word) => (word.kind === 'step' ? [word.step] : []))
    const chunks = words.flatMap((word) => (word.kind === 'output' ? [word.chunk] : []))
    const results = words.flatMap((word) => (word.kind === 'result' ? [word.result] : []))
    const { answers, changed, streamed, freed } = await this.#options.db.worker(async (tx) => {
      // Whatever follows touches some of them: held in one order from the start, no two writers wait for each other.
      if (steps.length + chunks.length > 0) await lockCommands(tx, words.map(commandOf))
      const changed = steps.length > 0 ? await recordSteps(tx, now, steps) : new Set<string>()
      const streamed = chunks.length > 0 ? await appendOutput(tx, chunks) : new Set<string>()
      if (results.length === 0) return { answers: [], changed, streamed, freed: new Set<string>() }
      const { answers, operations, freed } = await recordResults(tx, now, results)
      return { answers, changed: changed.union(operations), streamed: streamed.difference(operations), freed }
    })
    if (chunks.length > 0) fault('output.committed')
    if (results.length > 0) fault('result.committed')
    this.#announcements.changed(changed)
    this.#announcements.output(streamed)
    if (freed.size > 0) {
      this.#sending = Promise.all([this.#sending, this.#sendNext([...freed])]).catch((error: unknown) =>
        this.#options.log.error({ err: error }, 'the next commands wait for the sweep'),
      )
    }
    for (const [index, result] of results.entries()) this.#note(result, answers[index])
    let next = 0
    // Only a result's answer is read by anybody; each is the next in line.
    return words.map((word) => (word.kind === 'result' ? (answers[next++] ?? 'unknown') : 'recorded'))
  }

  async #sendNext(operations: readonly string[] | null): Promise<void> {
    const ids = await nextInTurn(this.#options.db, operations)
    if (ids.length > 0) this.#delivery.wake(ids)
  }

  /** What a device said twice or of another's command is worth a line, never its words. */
  #note(result: IncomingResult, answer: ResultAnswer | undefined): void {
    if (answer !== 'ignored' && answer !== 'unknown') return
    const { deviceId, commandId } = result
    this.#options.log.warn({ deviceId, commandId, state: result.outcome.state }, `command result ${answer}`)
  }
}

const commandOf = (word: Word): string =>
  word.kind === 'result' ? word.result.commandId : word.kind === 'step' ? word.step.commandId : word.chunk.commandId

const weightOf = (word: Word): number =>
  word.kind === 'result' ? word.bytes : 100 + (word.kind === 'output' ? word.chunk.text.length : 0)
