import { setTimeout as sleep } from 'node:timers/promises'
import {
  AGENT_ENROLL_PATH,
  type EnrollRequest,
  type EnrollResponse,
  enrollResponse,
} from '@breeze/contract/agent-protocol'
import * as z from 'zod'
import { fullJitter } from './backoff.ts'
import { createDeviceKey, exportPrivateKey, importPrivateKey, publicKeyText } from './device-key.ts'
import { fault } from './faults.ts'
import { post, ReplyTooLarge } from './http-post.ts'
import { type EnrolledIdentity, loadIdentity, saveIdentity } from './identity-store.ts'
import { errorText, type Log } from './log.ts'
import { DIRECT, type Transport } from './transport.ts'

const REQUEST_TIMEOUT_MS = 15_000
const MAX_REPLY_BYTES = 256 * 1024
/** Of each server. */
const ROUNDS = 6

/** For the log: until then the device reports, and gets no commands. */
export const AWAITING_APPROVAL = 'a person has to approve this device on the server; it reports meanwhile'

const errorReply = z.object({ error: z.object({ code: z.string().max(100), message: z.string().max(1000) }) })

/** `transient`: the same request may succeed later; anything else needs a person. */
export class EnrollmentError extends Error {
  override name = 'EnrollmentError'
  readonly code: string
  readonly transient: boolean

  constructor(message: string, code: string, transient: boolean, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.transient = transient
  }
}

export interface EnrollmentOptions {
  /** Tried in turn. */
  servers: readonly string[]
  transport: Transport
  token: string | undefined
  stateDirectory: string
  machine: Omit<EnrollRequest, 'token' | 'publicKey'>
  log: Log
  /** Base of the pause between attempts. */
  retryBaseMs?: number
}

/**
 * The device's identity: from the state folder, or by enrolling. The key is durable before the server hears of it, and
 * the server answers the same key and token with the same device, so a crash at any point ends in one device.
 */
export async function ensureEnrolled(options: EnrollmentOptions): Promise<EnrolledIdentity> {
  const stored = await loadIdentity(options.stateDirectory)
  if (stored?.state === 'enrolled') return stored
  if (!options.token) {
    throw new EnrollmentError('This device is not enrolled yet: give an enrollment token', 'token_missing', false)
  }
  const key = stored ? importPrivateKey(stored.privateKey) : createDeviceKey()
  const privateKey = exportPrivateKey(key)
  if (!stored) await saveIdentity(options.stateDirectory, { state: 'key_only', privateKey })
  fault('enrollment.key_saved')
  const request: EnrollRequest = { ...options.machine, token: options.token, publicKey: publicKeyText(key) }
  const reply = await requestWithRetry(request, options)
  fault('enrollment.responded')
  const identity = enrolledIdentity(privateKey, reply)
  await saveIdentity(options.stateDirectory, identity)
  fault('enrollment.saved')
  options.log('enrolled', { deviceId: identity.deviceId, organizationId: identity.organizationId })
  if (reply.awaitingApproval) options.log('awaiting_approval', { remedy: AWAITING_APPROVAL })
  return identity
}

export function enrolledIdentity(privateKey: string, reply: EnrollResponse): EnrolledIdentity {
  const { deviceId, organizationId, serverKeys, heartbeatSeconds } = reply
  const pinnedServerKeys = serverKeys
  return { state: 'enrolled', privateKey, deviceId, organizationId, heartbeatSeconds, pinnedServerKeys, serverKeys }
}

/** Servers take turns; one that refuses is asked no more, and a pause follows each round. */
async function requestWithRetry(request: EnrollRequest, options: EnrollmentOptions) {
  let servers = options.servers
  for (let round = 1; ; round++) {
    let last: EnrollmentError | undefined
    for (const server of servers) {
      try {
        return await requestEnrollment(server, request, options.transport)
      } catch (error) {
        if (!(error instanceof EnrollmentError)) throw error
        last = error
        if (!error.transient) servers = servers.filter((other) => other !== server)
        if (servers.length > 0) options.log('enrollment_retry', { round, code: error.code, message: error.message })
      }
    }
    if (last && (servers.length === 0 || round >= ROUNDS)) throw last
    await sleep(fullJitter(options.retryBaseMs ?? 1000, round + 1))
  }
}

/** One request. Also what a device simulator enrolls with. */
export async function requestEnrollment(server: string, request: EnrollRequest, transport: Transport = DIRECT) {
  const { status, text } = await ask(server, request, transport)
  if (status === 200 || status === 201) {
    const reply = enrollResponse.safeParse(parseJson(text))
    if (reply.success) return reply.data
    throw new EnrollmentError('The server answered the enrollment with something else', 'bad_reply', false)
  }
  throw refusal(status, text)
}

async function ask(server: string, request: EnrollRequest, transport: Transport) {
  try {
    return await post(new URL(AGENT_ENROLL_PATH, server), JSON.stringify(request), {
      transport,
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxReplyBytes: MAX_REPLY_BYTES,
    })
  } catch (error) {
    if (error instanceof ReplyTooLarge) {
      throw new EnrollmentError('The answer to the enrollment is too large', 'bad_reply', false, { cause: error })
    }
    throw unreachable(error)
  }
}

function unreachable(error: unknown): EnrollmentError {
  const message = `The server cannot be reached: ${errorText(error)}`
  return new EnrollmentError(message, 'unreachable', true, { cause: error })
}

function refusal(status: number, body: string): EnrollmentError {
  const parsed = errorReply.safeParse(parseJson(body))
  const { code, message } = parsed.success
    ? parsed.data.error
    : { code: `http_${status}`, message: 'no reason was given' }
  const transient = status === 429 || status >= 500
  const what =
    status === 401 ? 'The enrollment token was refused' : `The server refused the enrollment (HTTP ${status})`
  return new EnrollmentError(`${what}: ${message} (${code})`, code, transient)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON is one more shape that the schema refuses.
    return undefined
  }
}
