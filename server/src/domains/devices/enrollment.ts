/** A machine becomes a device: once per key, within the uses and the time its token was given. */
import type { EnrollRequest } from '@breeze/contract/agent-protocol'
import { ENROLLMENT_PREFIX, hashToken, makeToken } from '../../identity/tokens.ts'
import { importPublicKey } from '../../keys/ed25519.ts'
import type { Environment } from '../../kernel/context.ts'
import { type Db, query, type Tx } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { fault } from '../../kernel/faults.ts'
import { lockKey } from './device-keys.ts'
import { findByKey, insertDevice, repeated } from './new-device.ts'
import { separate } from './separation.ts'

export interface EnrollmentOptions {
  db: Db
  events: Events
  pepper: Buffer
  environment: Environment
}

export interface EnrolledDevice {
  id: string
  organizationId: string
  siteId: string
  name: string
  /** It gets no commands until a person approves it. */
  awaitingApproval: boolean
}

export type Refusal =
  | 'token_unknown'
  | 'token_expired'
  | 'token_used_up'
  | 'key_invalid'
  | 'key_in_use'
  | 'device_removed'
  | 'original_unknown'
  | 'too_many_copies'

export type Enrolled =
  | { state: 'enrolled'; device: EnrolledDevice; duplicateMachine: boolean }
  /** The same key and token as before: the answer was lost, not the device. */
  | { state: 'repeated'; device: EnrolledDevice }
  | { state: 'refused'; reason: Refusal }

export interface NewToken {
  organizationId: string
  siteId: string
  uses: number
  expiresAt: Date
  simulated?: boolean
  /** Its devices wait until a person approves them. */
  requiresApproval?: boolean
  createdBy: string
}

interface Token {
  id: string
  organization_id: string
  site_id: string
  uses_left: number
  simulated: boolean
  requires_approval: boolean
  expires_at: Date
}

type TokenRequest = Extract<EnrollRequest, { token: string }>

export class Enrollment {
  readonly #options: EnrollmentOptions

  constructor(options: EnrollmentOptions) {
    this.#options = options
  }

  /** The secret is returned once and stored nowhere. */
  async createToken(tx: Tx, token: NewToken): Promise<{ id: string; secret: string }> {
    const id = this.#options.environment.newId()
    const secret = makeToken(ENROLLMENT_PREFIX, this.#options.environment.randomBytes)
    await tx.run(
      query.insertInto('enrollment_tokens').values({
        id,
        organization_id: token.organizationId,
        site_id: token.siteId,
        hash: hashToken(secret, this.#options.pepper),
        uses_left: token.uses,
        simulated: token.simulated ?? false,
        requires_approval: token.requiresApproval ?? false,
        created_by: token.createdBy,
        created_at: this.#options.environment.now(),
        expires_at: token.expiresAt,
      }),
    )
    return { id, secret }
  }

  async enroll(request: EnrollRequest): Promise<Enrolled> {
    if (!importPublicKey(request.publicKey)) return { state: 'refused', reason: 'key_invalid' }
    const result = await this.#options.db.worker((tx) => this.#enroll(tx, request))
    if (result.state === 'enrolled') {
      fault('enrollment.committed')
      this.#options.events.publish('devices')
    }
    return result
  }

  async #enroll(tx: Tx, request: EnrollRequest): Promise<Enrolled> {
    const publicKey = Buffer.from(request.publicKey, 'base64url')
    // Whoever loses a race with itself finds what the first one made.
    await lockKey(tx, publicKey)
    if ('copyOf' in request) return separate(tx, request, publicKey, this.#options.environment)
    return this.#enrollByToken(tx, request, publicKey)
  }

  async #enrollByToken(tx: Tx, request: TokenRequest, publicKey: Buffer): Promise<Enrolled> {
    const token = await findToken(tx, hashToken(request.token, this.#options.pepper))
    if (!token) return { state: 'refused', reason: 'token_unknown' }
    const before = await findByKey(tx, publicKey)
    if (before) return repeated(before, before.enrolled_with === token.id)
    if (token.expires_at <= this.#options.environment.now()) return { state: 'refused', reason: 'token_expired' }
    // Waits for whoever is using the token; the count is checked again as it is taken.
    const taken = await tx.run(
      query
        .updateTable('enrollment_tokens')
        .set((e) => ({ uses_left: e('uses_left', '-', 1) }))
        .where('id', '=', token.id)
        .where('uses_left', '>', 0),
    )
    if (taken === 0) return { state: 'refused', reason: 'token_used_up' }
    const { organization_id: organizationId, site_id: siteId, simulated } = token
    const origin = { organizationId, siteId, simulated, enrolledWith: token.id, copyOf: null }
    return insertDevice(tx, request, publicKey, this.#options.environment, {
      ...origin,
      awaitsApproval: token.requires_approval,
    })
  }
}

function findToken(tx: Tx, hash: Buffer): Promise<Token | undefined> {
  return tx.first(
    query
      .selectFrom('enrollment_tokens')
      .select(['id', 'organization_id', 'site_id', 'uses_left', 'simulated', 'requires_approval', 'expires_at'])
      .where('hash', '=', hash),
  )
}
