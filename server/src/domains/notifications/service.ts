/** Tells people of alerts, outside of any call: what happened is planned, gathered, sent, and kept in a delivery log. */
import type { Db } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { channelTarget, type ChannelTarget, deliver, type MailService } from './channels.ts'
import { type Message, subjectOf } from './message.ts'
import { Outbound, OutboundError } from './outbound.ts'
import { planByTime, planEvents } from './plan.ts'
import { alertsToTell, claimDue, type Claimed, type Ending, recordEnding } from './send.ts'
import type { ChannelKind } from './tables.ts'

declare module '../../kernel/services.ts' {
  interface Services {
    notifications: Notifications
  }
}

interface Box {
  seal(plain: Buffer, purpose: string): Buffer
  open(sealed: Buffer, purpose: string): Buffer
}

export interface NotificationsOptions {
  db: Db
  events: Events
  mail: MailService
  box: Box
  outbound: Outbound
  /** Where links lead. */
  publicUrl: string
  now(): Date
  newId(): string
  randomBytes(size: number): Buffer
  failed(error: unknown): void
}

const KEPT_DAYS = 90
const STEP_MS = 5000
const purposeOf = (channelId: string): string => `notification channel ${channelId}`

export class Notifications {
  readonly #options: NotificationsOptions
  #timer: ReturnType<typeof setInterval> | undefined
  #unsubscribe: (() => void) | undefined
  #stepping: Promise<void> | undefined
  #isStopped = false

  constructor(options: NotificationsOptions) {
    this.#options = options
  }

  start(): void {
    const turn = (): void => {
      this.step().catch((error: unknown) => this.#options.failed(error))
    }
    this.#timer = setInterval(turn, STEP_MS)
    this.#unsubscribe = this.#options.events.subscribe('alert_events', turn)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    this.#unsubscribe?.()
    await this.#stepping?.catch(() => undefined)
  }

  /** Plans what happened and sends what is due. One at a time on this node; others may do the same beside it. */
  step(): Promise<void> {
    this.#stepping ??= this.#step().finally(() => {
      this.#stepping = undefined
    })
    return this.#stepping
  }

  /** Log rows that ended long ago. */
  async forget(): Promise<number> {
    const before = new Date(this.#options.now().getTime() - KEPT_DAYS * 86_400_000)
    return this.#options.db.workerStatement(
      'notifications_forget',
      `delete from notifications where id in (select id from notifications where ended_at < $1 limit 10000)`,
      [before],
    )
  }

  /** What is wrong with an address for a webhook; null where nothing is. */
  complaint(address: string): string | null {
    return this.#options.outbound.complaint(address)
  }

  get mailIsOn(): boolean {
    return this.#options.mail.on
  }

  seal(channelId: string, target: ChannelTarget): Buffer {
    return this.#options.box.seal(Buffer.from(JSON.stringify(target)), purposeOf(channelId))
  }

  unseal(channelId: string, sealed: Buffer): ChannelTarget {
    return channelTarget.parse(JSON.parse(this.#options.box.open(sealed, purposeOf(channelId)).toString()))
  }

  makeSecret(): string {
    return `whsec_${this.#options.randomBytes(24).toString('base64url')}`
  }

  /** A message that says it is a test; null where it arrived, else why it did not. */
  async test(channel: { id: string; kind: ChannelKind; target: Buffer }): Promise<string | null> {
    const message: Message = {
      notificationId: this.#options.newId(),
      kind: 'alerts',
      subject: 'A test from Breeze: notifications arrive here',
      alerts: [],
      url: this.#options.publicUrl,
    }
    return this.#deliver(channel, message)
  }

  async #step(): Promise<void> {
    const { db, now, newId } = this.#options
    let isWhole = false
    while (!isWhole && !this.#isStopped) isWhole = (await db.worker((tx) => planEvents(tx, now(), newId))).whole
    if (!this.#isStopped) await db.worker((tx) => planByTime(tx, now(), newId))
    while (!this.#isStopped) {
      const claimed = await db.worker((tx) => claimDue(tx, now()))
      if (claimed.length === 0) return
      await Promise.all(claimed.map((one) => this.#send(one)))
    }
  }

  async #send(claimed: Claimed): Promise<void> {
    const { db, now } = this.#options
    const ending = await this.#attempt(claimed)
    await db.worker((tx) => recordEnding(tx, claimed, ending, now()))
  }

  async #attempt(claimed: Claimed): Promise<Ending> {
    const { channel, kind, id } = claimed
    if (!channel) return { state: 'dropped', reason: 'its channel is off or was deleted' }
    const alerts = await this.#options.db.worker((tx) => alertsToTell(tx, claimed))
    if (alerts.length === 0) return { state: 'dropped', reason: 'nothing of it was left to tell when it was due' }
    const subject = subjectOf(kind, alerts)
    const url = `${this.#options.publicUrl}/alerts`
    const reason = await this.#deliver(channel, { notificationId: id, kind, subject, alerts, url })
    return reason === null ? { state: 'sent', subject } : { state: 'failed', subject, reason }
  }

  async #deliver(channel: { id: string; kind: ChannelKind; target: Buffer }, message: Message): Promise<string | null> {
    try {
      await deliver(this.#options, channel.kind, this.unseal(channel.id, channel.target), message)
      return null
    } catch (error) {
      if (error instanceof OutboundError) return error.message
      this.#options.failed(error)
      return channel.kind === 'email' ? 'the mail server did not take it' : 'it could not be sent'
    }
  }
}
