import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  AGENT_POLL_PATHS,
  type PollReceived,
  pollReceive,
  pollSend,
  type ServerFrame,
} from '@breeze/contract/agent-protocol'
import type { StubPeer } from './stub-peer.ts'

/** Long-polling for real, with answers that get lost on demand. */
export class StubPolls {
  /** So many answers of each kind are lost after the request was carried out. */
  losing = { send: 0, receive: 0 }
  /** How often a request was answered 401. */
  refused = 0
  readonly sessions: string[] = []
  readonly #sessions = new Map<string, PollPeer>()
  readonly #accept: (peer: StubPeer) => void

  constructor(accept: (peer: StubPeer) => void) {
    this.#accept = accept
  }

  handles(request: IncomingMessage): boolean {
    return Object.values(AGENT_POLL_PATHS).some((path) => path === request.url)
  }

  handle(request: IncomingMessage, body: unknown, response: ServerResponse): void {
    if (request.url === AGENT_POLL_PATHS.open) return this.#open(response)
    const session = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const peer = this.#sessions.get(session)
    if (!peer) {
      this.refused++
      answer(response, 401, { error: { code: 'unknown_session', message: '' } })
    } else if (peer.frozen) return
    else if (request.url === AGENT_POLL_PATHS.send) this.#send(peer, body, response)
    else this.#receive(peer, body, response)
  }

  #open(response: ServerResponse): void {
    const session = randomUUID()
    const peer = new PollPeer(() => this.#sessions.delete(session))
    this.sessions.push(session)
    this.#sessions.set(session, peer)
    this.#accept(peer)
    answer(response, 200, { session, frames: peer.opening() })
  }

  #send(peer: PollPeer, body: unknown, response: ServerResponse): void {
    const { sequence, frames } = pollSend.parse(body)
    peer.take(sequence, frames)
    if (this.losing.send > 0) {
      this.losing.send--
      response.destroy()
    } else if (peer.closed === undefined) answer(response, 204)
    else answer(response, 410, { closed: peer.closed })
  }

  #receive(peer: PollPeer, body: unknown, response: ServerResponse): void {
    const { received, waitSeconds } = pollReceive.parse(body)
    peer.wait(received, waitSeconds, (received) => {
      const isLost = this.losing.receive > 0 && received !== undefined && received.frames.length > 0
      if (isLost) this.losing.receive--
      if (isLost || !received) response.destroy()
      else answer(response, 200, received)
    })
  }
}

class PollPeer implements StubPeer {
  onFrame: (frame: unknown) => void = () => undefined
  closed: number | undefined
  frozen = false
  readonly #forget: () => void
  #frames: ServerFrame[] = []
  #first = 0
  #expected = 0
  #waiting: { respond: (received: PollReceived | undefined) => void; timer: ReturnType<typeof setTimeout> } | undefined

  constructor(forget: () => void) {
    this.#forget = forget
  }

  say(frame: ServerFrame): void {
    this.#frames.push(frame)
    // Several frames of one turn go out together.
    setImmediate(() => this.#flush())
  }
  close(code: number): void {
    this.closed = code
    setImmediate(() => this.#flush())
  }
  terminate(): void {
    clearTimeout(this.#waiting?.timer)
    this.#waiting?.respond(undefined)
    this.#forget()
  }
  freeze(): void {
    this.frozen = true
    clearTimeout(this.#waiting?.timer)
    this.#waiting = undefined
  }

  opening(): ServerFrame[] {
    return this.#frames
  }

  take(sequence: number, frames: readonly unknown[]): void {
    if (sequence > this.#expected) throw new Error(`a request is missing before ${sequence}`)
    if (sequence < this.#expected) return
    this.#expected++
    for (const frame of frames) this.onFrame(frame)
  }

  wait(received: number, waitSeconds: number, respond: (received: PollReceived | undefined) => void): void {
    this.#frames = this.#frames.slice(received - this.#first)
    this.#first = received
    clearTimeout(this.#waiting?.timer)
    this.#waiting = { respond, timer: setTimeout(() => this.#flush(true), waitSeconds * 1000) }
    this.#flush()
  }

  #flush(evenEmpty = false): void {
    if (!this.#waiting || (this.#frames.length === 0 && this.closed === undefined && !evenEmpty)) return
    const { respond, timer } = this.#waiting
    clearTimeout(timer)
    this.#waiting = undefined
    const closed = this.closed === undefined ? {} : { closed: this.closed }
    respond({ first: this.#first, frames: this.#frames, ...closed })
  }
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(body === undefined ? undefined : JSON.stringify(body))
}
