import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { AGENT_ENROLL_PATH, type EnrollRequest, enrollResponse } from '@breeze/contract/agent-protocol'
import { z } from 'zod'
import { fullJitter } from './backoff.ts'
import { createDeviceKey, exportPrivateKey, importPrivateKey, publicKeyText } from './device-key.ts'
import { fault } from './faults.ts'
import { type EnrolledIdentity, loadIdentity, saveIdentity } from './identity-store.ts'
import { errorText, type Log } from './log.ts'

const REQUEST_TIMEOUT_MS = 15_000
const MAX_REPLY_BYTES = 256 * 1024
const ATTEMPTS = 6

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
  server: string
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
  const { serverKeys, ...device } = reply
  const identity: EnrolledIdentity = {
    state: 'enrolled',
    privateKey,
    ...device,
    pinnedServerKeys: serverKeys,
    serverKeys,
  }
  await saveIdentity(options.stateDirectory, identity)
  fault('enrollment.saved')
  options.log('enrolled', { deviceId: identity.deviceId, organizationId: identity.organizationId })
  return identity
}

async function requestWithRetry(request: EnrollRequest, options: EnrollmentOptions) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await requestEnrollment(options.server, request)
    } catch (error) {
      if (!(error instanceof EnrollmentError) || !error.transient || attempt >= ATTEMPTS) throw error
      options.log('enrollment_retry', { attempt, code: error.code, message: error.message })
      await sleep(fullJitter(options.retryBaseMs ?? 1000, attempt + 1))
    }
  }
}

/** One request. Also what a device simulator enrolls with. */
export async function requestEnrollment(server: string, request: EnrollRequest) {
  const { status, body } = await post(new URL(AGENT_ENROLL_PATH, server), request)
  if (status === 200 || status === 201) {
    const reply = enrollResponse.safeParse(parseJson(body))
    if (reply.success) return reply.data
    throw new EnrollmentError('The server answered the enrollment with something else', 'bad_reply', false)
  }
  throw refusal(status, body)
}

/** By the plain client: the first use of `fetch` costs the agent 18 MB for good. It follows no redirect with the token. */
function post(url: URL, body: unknown): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    const options = { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false, signal } as const
    const sent = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options)
    sent.on('error', (error) => reject(unreachable(error)))
    sent.on('response', (response) => {
      readBounded(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, body: text }),
        (error: unknown) => reject(error instanceof EnrollmentError ? error : unreachable(error)),
      )
    })
    sent.end(JSON.stringify(body))
  })
}

function unreachable(error: unknown): EnrollmentError {
  const message = `The server cannot be reached: ${errorText(error)}`
  return new EnrollmentError(message, 'unreachable', true, { cause: error })
}

async function readBounded(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.length > MAX_REPLY_BYTES) {
      throw new EnrollmentError('The answer to the enrollment is too large', 'bad_reply', false)
    }
  }
  return text
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
