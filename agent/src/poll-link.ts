import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_FRAME_BYTES } from '@breeze/contract/agent-commands'
import { AGENT_POLL_PATHS, pollOpened, type PollReceived, pollReceived } from '@breeze/contract/agent-protocol'
import * as z from 'zod'
import { post, type PostReply, RequestTimeout } from './http-post.ts'
import { ENDED_WITHOUT_A_WORD, isUnreachable, type Link, type LinkEnd, type LinkOptions } from './link.ts'
import { errorText } from './log.ts'
import { PollOutbox } from './poll-outbox.ts'
import { parseServerFrame } from './server-frame.ts'

/** Proxies end an answer that is not there within 30 seconds. */
const MAX_WAIT_SECONDS = 25
/** What an answer may take beyond the asked wait. */
const MAX_GRACE_MS = 10_000
const SEND_TIMEOUT_MS = 15_000
/** A request that got no answer is repeated so often before the link counts as lost. */
const ATTEMPTS = 4
const RETRY_PAUSE_MS = 250
const MAX_REPLY_BYTES = 2 * MAX_FRAME_BYTES

/** Frames are judged one by one, as on a WebSocket: an unknown one does not spoil its neighbours. */
const frames = z.array(z.unknown())
const opened = pollOpened.extend({ frames })
const received = pollReceived.extend({ frames })

class PollRefused extends Error {
  override name = 'PollRefused'
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor({ status, retryAfterSeconds }: PostReply) {
    super(`polling was refused with HTTP ${status}`)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * For networks that let through only requests: one request always waits for frames, others carry them up in order. Both
 * directions are counted, so that an answer lost on the way is asked for again and nothing is missing or doubled.
 */
export class PollLink implements Link {
  readonly kind = 'poll'
  readonly #options: LinkOptions
  readonly #ending = new AbortController()
  readonly #outbox = new PollOutbox((body) => this.#deliver(body))
  #session = ''
  #received = 0
  #waitSeconds = MAX_WAIT_SECONDS
  #graceMs = MAX_GRACE_MS
  #roundTripMs: number | null = null

  constructor(options: LinkOptions) {
    this.#options = options
    this.#run().catch((error: unknown) => this.#failed(error))
  }

  get roundTripMs(): number | null {
    return this.#roundTripMs
  }

  send(text: string): Promise<boolean> {
    return this.#outbox.add(text)
  }

  keepAlive(intervalMs: number): void {
    this.#waitSeconds = Math.min(Math.max(Math.round(intervalMs / 1000), 1), MAX_WAIT_SECONDS)
    this.#graceMs = Math.min(2 * intervalMs, MAX_GRACE_MS)
  }

  /** The session ends on the server by itself when nobody asks for its frames any more. */
  close(): Promise<void> {
    this.terminate()
    return Promise.resolve()
  }

  terminate(): void {
    this.#finish({ code: ENDED_WITHOUT_A_WORD })
  }

  async #run(): Promise<void> {
    const reply = await this.#post(AGENT_POLL_PATHS.open, '{}', this.#options.handshakeMs)
    const { session, frames } = opened.parse(JSON.parse(reply.text))
    this.#session = session
    this.#take({ first: 0, frames })
    this.#outbox.open()
    while (!this.#ending.signal.aborted) {
      const answer = await this.#receive()
      this.#take(answer)
      if (answer.closed !== undefined) this.#finish({ code: answer.closed })
    }
  }

  async #receive(): Promise<z.infer<typeof received>> {
    const body = JSON.stringify({ received: this.#received, waitSeconds: this.#waitSeconds })
    const timeoutMs = this.#waitSeconds * 1000 + this.#graceMs
    const reply = await this.#repeatedly(() => this.#post(AGENT_POLL_PATHS.receive, body, timeoutMs))
    return received.parse(JSON.parse(reply.text))
  }

  /** What was answered before and got lost on the way comes once more: only what is new counts. */
  #take({ first, frames }: Pick<PollReceived, 'first'> & { frames: unknown[] }): void {
    if (first > this.#received) throw new Error('frames are missing between two answers')
    const fresh = frames.slice(this.#received - first)
    this.#received += fresh.length
    for (const frame of fresh) {
      if (this.#ending.signal.aborted) return
      this.#options.owner.arrived(this, parseServerFrame(frame))
    }
  }

  async #deliver(body: string): Promise<void> {
    try {
      await this.#repeatedly(async () => {
        const began = performance.now()
        await this.#post(AGENT_POLL_PATHS.send, body, SEND_TIMEOUT_MS)
        this.#roundTripMs = Math.round((performance.now() - began) * 10) / 10
      })
    } catch (error) {
      // Closed: the request that waits for frames is about to tell the code, and what was said before it.
      if (error instanceof PollRefused && error.status === 410) this.#outbox.close()
      else this.#failed(error)
      throw error
    }
  }

  async #repeatedly<T>(request: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await request()
      } catch (error) {
        if (isFinal(error) || attempt >= ATTEMPTS || this.#ending.signal.aborted) throw error
        this.#options.log('poll_repeated', { attempt, message: errorText(error) })
        await sleep(RETRY_PAUSE_MS * 2 ** attempt, undefined, { signal: this.#ending.signal })
      }
    }
  }

  async #post(path: string, body: string, timeoutMs: number): Promise<PostReply> {
    const { server, transport } = this.#options
    const reply = await post(new URL(path, server), body, {
      transport,
      timeoutMs,
      maxReplyBytes: MAX_REPLY_BYTES,
      signal: this.#ending.signal,
      ...(this.#session !== '' && { bearer: this.#session }),
    })
    if (reply.status === 200 || reply.status === 204) return reply
    // A proxy that could not reach the server says so with these; the server itself never does.
    if (reply.status === 502 || reply.status === 504) throw new Error(`HTTP ${reply.status}`)
    throw new PollRefused(reply)
  }

  #failed(error: unknown): void {
    if (this.#ending.signal.aborted) return
    this.#options.log(error instanceof RequestTimeout ? 'server_silent' : 'poll_error', { message: errorText(error) })
    const retryAfterSeconds = error instanceof PollRefused ? error.retryAfterSeconds : undefined
    this.#finish({
      code: ENDED_WITHOUT_A_WORD,
      unreachable: isUnreachable(error),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    })
  }

  #finish(end: LinkEnd): void {
    if (this.#ending.signal.aborted) return
    this.#ending.abort()
    this.#outbox.close()
    this.#options.owner.ended(this, end)
  }
}

/** 429 is what an attempt gets while the one before it is still being carried out. */
function isFinal(error: unknown): boolean {
  return error instanceof RequestTimeout || (error instanceof PollRefused && error.status !== 429)
}
