/** From "something may be waiting" to frames on sockets: one claim for everybody who was woken meanwhile. */
import type { Logger } from 'pino'
import type { OutgoingCancel } from '../../domains/commands/cancel.ts'
import type { Delivery, Outgoing } from '../../domains/commands/delivery.ts'
import type { Commands } from '../../domains/commands/service.ts'
import { fault } from '../../kernel/faults.ts'

interface DeliveriesOptions {
  commands: Commands
  isConnected(deviceId: string): boolean
  send(outgoing: Outgoing): void
  sendCancel(outgoing: OutgoingCancel): void
  log: Pick<Logger, 'error'>
}

const RETRY_MS = 1000

export class Deliveries implements Delivery {
  readonly #options: DeliveriesOptions
  #returned = new Set<string>()
  #woken = new Set<string>()
  #cancelling = new Set<string>()
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: DeliveriesOptions) {
    this.#options = options
  }

  /** These have connected: what they did not finish comes again, then what waited for them. */
  connected(deviceId: string): void {
    this.#returned.add(deviceId)
    this.#start()
  }

  wake(deviceIds: readonly string[]): void {
    for (const id of deviceIds) if (this.#options.isConnected(id)) this.#woken.add(id)
    this.#start()
  }

  cancel(deviceIds: readonly string[]): void {
    for (const id of deviceIds) if (this.#options.isConnected(id)) this.#cancelling.add(id)
    this.#start()
  }

  /** Resolves when no claim is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  #start(): void {
    if (this.#stopped || this.#returned.size + this.#woken.size + this.#cancelling.size === 0) return
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      this.#start()
    })
  }

  async #run(): Promise<void> {
    // Everybody woken in this turn of the event loop shares the claim.
    await new Promise((resolve) => setImmediate(resolve))
    const returned = [...this.#returned]
    const woken = [...this.#woken.union(this.#returned)]
    const cancelling = [...this.#cancelling.union(this.#returned)]
    this.#returned = new Set()
    this.#woken = new Set()
    this.#cancelling = new Set()
    const here = (ids: string[]) => ids.filter((id) => this.#options.isConnected(id))
    try {
      for await (const step of this.#options.commands.redeliver(here(returned))) this.#send(step)
      for await (const step of this.#options.commands.claim(here(woken))) this.#send(step)
      // After the commands that they end, which may have been handed out by this very claim.
      for await (const step of this.#options.commands.cancels(here(cancelling))) this.#sendCancels(step)
    } catch (error) {
      this.#options.log.error({ err: error }, 'commands could not be delivered')
      // A claim may have been committed and its answer lost: all of them are asked for from the start. An agent runs an id
      // once, however often it is sent.
      for (const id of [...woken, ...cancelling]) this.#returned.add(id)
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  /** A device that went meanwhile keeps its commands as delivered, and gets them again when it returns. */
  #send(step: readonly Outgoing[]): void {
    for (const outgoing of step) this.#options.send(outgoing)
    fault('command.sent')
  }

  #sendCancels(step: readonly OutgoingCancel[]): void {
    for (const outgoing of step) this.#options.sendCancel(outgoing)
    fault('cancel.sent')
  }
}
