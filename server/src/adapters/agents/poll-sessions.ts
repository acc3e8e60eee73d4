/** The long-polling connections of this node, found by a secret of which only the hash is kept. */
import { createHash } from 'node:crypto'
import type { Environment } from '../../kernel/context.ts'
import { PollTransport } from './poll-transport.ts'

/** A waiting request takes at most 50 seconds, and the next one follows at once. */
const UNREAD_MS = 90_000
/** For an agent to learn why its connection ended. */
const LINGER_MS = 60_000

export class PollSessions {
  readonly #environment: Environment
  readonly #sessions = new Map<string, PollTransport>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  get size(): number {
    return this.#sessions.size
  }

  open(): { secret: string; transport: PollTransport } {
    const secret = this.#environment.randomBytes(32).toString('base64url')
    const transport = new PollTransport(() => this.#environment.now().getTime())
    this.#sessions.set(digest(secret), transport)
    return { secret, transport }
  }

  find(secret: string): PollTransport | undefined {
    const transport = this.#sessions.get(digest(secret))
    return transport?.isOver ? undefined : transport
  }

  /** Ends what nobody reads any more. */
  sweep(): void {
    for (const [key, transport] of this.#sessions) {
      const limit = transport.closedCode === null ? UNREAD_MS : LINGER_MS
      if (transport.unreadMs > limit) transport.terminate()
      else if (!transport.isOver) continue
      this.#sessions.delete(key)
    }
  }
}

const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
