/** Where connections wait for their turn: a fleet that returns at once is let in as fast as it can be served, not sent away. */

export interface Guest {
  admit(): void
  /** There is no seat, or it waited longer than any agent does. */
  turnAway(): void
}

export interface WaitingRoomOptions {
  /** Whether one more may be let in now. */
  hasPlace(): boolean
  /** How many may wait; one more is turned away at once. */
  seats?: number
  patienceMs?: number
}

/** A fleet of ten thousand fits; an attacker's sockets take no more memory than it would. */
const SEATS = 12_000
/** An agent gives up a handshake after 30 s: whoever is called later can't be done in time. */
const PATIENCE_MS = 25_000
/** Of one turn of the event loop. */
const BUDGET_MS = 5

export class WaitingRoom {
  readonly #options: WaitingRoomOptions
  /** In the order they came, with the time until which they wait. */
  readonly #waiting = new Map<Guest, number>()
  #called = false

  constructor(options: WaitingRoomOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#waiting.size
  }

  enter(guest: Guest): void {
    if (this.size >= (this.#options.seats ?? SEATS)) return guest.turnAway()
    this.#waiting.set(guest, performance.now() + (this.#options.patienceMs ?? PATIENCE_MS))
    this.call()
  }

  /** To be called whenever a place becomes free. */
  call(): void {
    if (this.#called || this.size === 0) return
    this.#called = true
    setImmediate(() => {
      this.#called = false
      this.#admit()
    })
  }

  /** Nobody is let in any more. */
  empty(): void {
    const guests = [...this.#waiting.keys()]
    this.#waiting.clear()
    for (const guest of guests) guest.turnAway()
  }

  #admit(): void {
    const end = performance.now() + BUDGET_MS
    for (const [guest, until] of this.#waiting) {
      const now = performance.now()
      if (now >= end) return this.call()
      const isLate = until <= now
      if (!isLate && !this.#options.hasPlace()) return
      this.#waiting.delete(guest)
      if (isLate) guest.turnAway()
      else guest.admit()
    }
  }
}
