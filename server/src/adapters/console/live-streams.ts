/**
 * Streams that tell a page when to ask again. Nothing of what changed goes down them: a page learns it from the tools, by the
 * rights that the person has then.
 */
import type { Permission } from '@breeze/contract/governance'
import { alertsOf } from '../../domains/alerts/topics.ts'
import { rolloutsOf } from '../../domains/rollouts/topics.ts'
import type { ConsolePerson } from '../../identity/authenticator.ts'
import { type Caller, rowAccess } from '../../kernel/caller.ts'
import type { Events } from '../../kernel/events.ts'

interface Subject {
  name: string
  permission: Permission
  topicOf(organizationId: string): string
}
/** What pages show live, and who may know that it changed. */
const SUBJECTS: readonly Subject[] = [
  { name: 'alerts', permission: 'alerts.read', topicOf: alertsOf },
  { name: 'rollouts', permission: 'operations.read', topicOf: rolloutsOf },
]

/** The page opens the next one, and with that the rights are read anew; shorter than proxies wait for a silent answer. */
const LIFE_MS = 50_000
/** A storm of changes is one wake-up each time. */
const PAUSE_MS = 2000
/** Of one session: only the tabs in sight hold one. */
const MOST_OPEN = 8

export interface LiveStreamsDeps {
  events: Events
  onRevoked(listener: (credentialId: string) => void): () => void
  lifeMs?: number
  pauseMs?: number
}

interface Stream {
  close(): void
}

export class LiveStreams {
  readonly #deps: LiveStreamsDeps
  readonly #open = new Map<string, Set<Stream>>()
  readonly #unsubscribe: () => void

  constructor(deps: LiveStreamsDeps) {
    this.#deps = deps
    this.#unsubscribe = deps.onRevoked((credentialId) => this.#cut(credentialId))
  }

  /** Null when the session holds as many as it may. */
  open(person: ConsolePerson, caller: Caller): ReadableStream<Uint8Array> | null {
    const { id } = person.identity.credential
    const held = this.#open.get(id) ?? new Set()
    if (held.size >= MOST_OPEN) return null
    this.#open.set(id, held)
    const endsIn = (person.identity.expiresAt?.getTime() ?? Infinity) - Date.now()
    return this.#stream(held, caller, Math.min(this.#deps.lifeMs ?? LIFE_MS, Math.max(0, endsIn)), () => {
      if (held.size === 0) this.#open.delete(id)
    })
  }

  /** Sessions that hold one open: other nodes may end them too. */
  credentials(): string[] {
    return [...this.#open.keys()]
  }

  close(): void {
    this.#unsubscribe()
    for (const id of this.#open.keys()) this.#cut(id)
  }

  #cut(credentialId: string): void {
    for (const stream of this.#open.get(credentialId) ?? []) stream.close()
  }

  #stream(held: Set<Stream>, caller: Caller, lifeMs: number, ended: () => void): ReadableStream<Uint8Array> {
    const { events, pauseMs = PAUSE_MS } = this.#deps
    const endings: (() => void)[] = []
    const end = (stream: Stream) => {
      if (!held.delete(stream)) return false
      for (const ending of endings) ending()
      ended()
      return true
    }
    let stream: Stream
    return new ReadableStream<Uint8Array>({
      start(controller) {
        stream = { close: () => void (end(stream) && controller.close()) }
        held.add(stream)
        controller.enqueue(OPENED)
        for (const { name, permission, topicOf } of SUBJECTS) {
          const wake = paced(pauseMs, () => controller.enqueue(told(name)))
          endings.push(wake.stop)
          const { whole, limited } = rowAccess(caller, permission)
          for (const id of [...whole, ...limited]) endings.push(events.subscribe(topicOf(id), wake.call))
        }
        const timer = setTimeout(() => stream.close(), lifeMs)
        timer.unref()
        endings.push(() => clearTimeout(timer))
      },
      cancel: () => void end(stream),
    })
  }
}

const encoder = new TextEncoder()
/** Said at once, so that whoever listens knows that nothing is missed from here on. */
const OPENED = encoder.encode(': open\n\n')
const told = (subject: string): Uint8Array => encoder.encode(`event: changed\ndata: ${subject}\n\n`)

/** At once, and then at most once in `pauseMs`; the last one is never left out. */
function paced(pauseMs: number, run: () => void): { call: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined
  let again = false
  const rest = () => {
    timer = undefined
    if (again) call()
  }
  const call = () => {
    again = timer !== undefined
    if (again) return
    run()
    timer = setTimeout(rest, pauseMs)
    timer.unref()
  }
  return { call, stop: () => clearTimeout(timer) }
}
