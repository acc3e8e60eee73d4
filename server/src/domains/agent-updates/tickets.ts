/** What a device shows to fetch a build: given to it alone, within an order over its proven connection, for one build and an hour. */
import { createHmac, timingSafeEqual } from 'node:crypto'

const VALID_MS = 3_600_000

export class DownloadTickets {
  readonly #key: Buffer
  readonly #now: () => Date

  constructor(pepper: Buffer, now: () => Date) {
    // A key of its own, so that nothing else made with the pepper is a ticket.
    this.#key = createHmac('sha256', pepper).update('breeze-agent-download-v1').digest()
    this.#now = now
  }

  issue(deviceId: string, sha256: string): string {
    const until = String(this.#now().getTime() + VALID_MS)
    return `${deviceId}.${until}.${this.#mac(deviceId, sha256, until)}`
  }

  /** The device that may fetch this build; null for no ticket, or one for something else, or an old one. */
  deviceOf(ticket: string, sha256: string): string | null {
    const [, deviceId, until, mac] = /^([0-9a-f-]{36})\.(\d{1,16})\.([\w-]{43})$/.exec(ticket) ?? []
    if (deviceId === undefined || until === undefined || mac === undefined) return null
    const expected = Buffer.from(this.#mac(deviceId, sha256, until))
    if (!timingSafeEqual(expected, Buffer.from(mac))) return null
    return Number(until) > this.#now().getTime() ? deviceId : null
  }

  #mac(deviceId: string, sha256: string, until: string): string {
    return createHmac('sha256', this.#key).update(`${deviceId}\n${sha256}\n${until}`).digest('base64url')
  }
}
