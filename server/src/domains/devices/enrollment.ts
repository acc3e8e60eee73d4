/** A machine becomes a device: once per key, within the uses and the time its token was given. */
import type { EnrollRequest } from '@breeze/contract/agent-protocol'
import { ENROLLMENT_PREFIX, hashToken, makeToken } from '../../identity/tokens.ts'
import { importPublicKey } from '../../keys/ed25519.ts'
import type { Environment } from '../../kernel/context.ts'
import { type Db, query, type Tx } from '../../kernel/db.ts'
import type { Events } from '../../kernel/events.ts'
import { fault } from '../../kernel/faults.ts'
import { cleanName, hostName } from './device-name.ts'

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
}

export type Refusal =
  | 'token_unknown'
  | 'token_expired'
  | 'token_used_up'
  | 'key_invalid'
  | 'key_in_use'
  | 'device_removed'

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
  createdBy: string
}

interface Token {
  id: string
  organization_id: string
  site_id: string
  uses_left: number
  simulated: boolean
  expires_at: Date
}

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
        created_by: token.createdBy,
        created_at: this.#options.environment.now(),
        expires_at: token.expiresAt,
      }),
    )
    return { id, secret }
  }

  async enroll(request: EnrollRequest): Promise<Enrolled> {
    if (!importPublicKey(request.publicKey)) return { state: 'refused', reason: 'key_invalid' }
    // The second attempt is for whoever lost a race with itself: it finds what the first one made.
    const result = (await this.#attempt(request)) ?? (await this.#attempt(request))
    if (!result) return { state: 'refused', reason: 'key_in_use' }
    if (result.state === 'enrolled') {
      fault('enrollment.committed')
      this.#options.events.publish('devices')
    }
    return result
  }

  /** Undefined when another enrollment took the key meanwhile; then nothing was written, no use either. */
  async #attempt(request: EnrollRequest): Promise<Enrolled | undefined> {
    try {
      return await this.#options.db.worker((tx) => this.#enroll(tx, request))
    } catch (error) {
      if (error instanceof KeyTaken) return undefined
      throw error
    }
  }

  async #enroll(tx: Tx, request: EnrollRequest): Promise<Enrolled> {
    if (!('token' in request)) return { state: 'refused', reason: 'token_unknown' }
    const token = await findToken(tx, hashToken(request.token, this.#options.pepper))
    if (!token) return { state: 'refused', reason: 'token_unknown' }
    const publicKey = Buffer.from(request.publicKey, 'base64url')
    const before = await findByKey(tx, publicKey)
    if (before) return repeated(before, token)
    if (token.expires_at <= this.#options.environment.now()) return { state: 'refused', reason: 'token_expired' }
    // Waits for whoever is using the token; the count is checked again as it is taken.
    const taken = await tx.run(
      query
        .updateTable('enrollment_tokens')
        .set((e) => ({ uses_left: e('uses_left', '-', 1) }))
        .where('id', '=', token.id)
        .where('uses_left', '>', 0),
    )
    if (taken === 0) {
      const meanwhile = await findByKey(tx, publicKey)
      return meanwhile ? repeated(meanwhile, token) : { state: 'refused', reason: 'token_used_up' }
    }
    return this.#insert(tx, request, token, publicKey)
  }

  async #insert(tx: Tx, request: EnrollRequest, token: Token, publicKey: Buffer): Promise<Enrolled> {
    const id = this.#options.environment.newId()
    const machineId = cleanName(request.machineId, 128) ?? id
    const name = hostName(request.hostname) ?? `device-${id.slice(-8)}`
    const twin = await tx.first(
      query
        .selectFrom('devices')
        .select('id')
        .where('organization_id', '=', token.organization_id)
        .where('machine_id', '=', machineId)
        .where('removed_at', 'is', null)
        .limit(1),
    )
    const inserted = await tx.run(
      query
        .insertInto('devices')
        .values({
          id,
          organization_id: token.organization_id,
          site_id: token.site_id,
          name,
          machine_id: machineId,
          public_key: publicKey,
          platform: request.platform,
          simulated: token.simulated,
          agent_version: cleanName(request.agentVersion, 40) ?? 'unknown',
          conditions: twin ? ['duplicate_machine'] : [],
          enrolled_with: token.id,
          enrolled_at: this.#options.environment.now(),
        })
        .onConflict((conflict) => conflict.column('public_key').doNothing()),
    )
    if (inserted === 0) throw new KeyTaken()
    const device = { id, organizationId: token.organization_id, siteId: token.site_id, name }
    return { state: 'enrolled', device, duplicateMachine: twin !== undefined }
  }
}

class KeyTaken extends Error {}

type ByKey = NonNullable<Awaited<ReturnType<typeof findByKey>>>

function repeated(device: ByKey, token: Token): Enrolled {
  if (device.enrolled_with !== token.id) return { state: 'refused', reason: 'key_in_use' }
  if (device.removed_at) return { state: 'refused', reason: 'device_removed' }
  const { id, organization_id: organizationId, site_id: siteId, name } = device
  return { state: 'repeated', device: { id, organizationId, siteId, name } }
}

function findToken(tx: Tx, hash: Buffer): Promise<Token | undefined> {
  return tx.first(
    query
      .selectFrom('enrollment_tokens')
      .select(['id', 'organization_id', 'site_id', 'uses_left', 'simulated', 'expires_at'])
      .where('hash', '=', hash),
  )
}

function findByKey(tx: Tx, publicKey: Buffer) {
  return tx.first(
    query
      .selectFrom('devices')
      .select(['id', 'organization_id', 'site_id', 'name', 'enrolled_with', 'removed_at'])
      .where('public_key', '=', publicKey),
  )
}
