/**
 * Passkeys (WebAuthn level 3): discoverable, with the person verified by the authenticator, so that one alone is two
 * factors. Challenges work once and in the browser that asked for them; a counter that goes back is a copied key.
 */
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { isLoopback } from '../config.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import { dropOrphanedCodes } from './second-factors.ts'
import type { KnownUser } from './sign-in.ts'

export interface ListedPasskey {
  id: string
  name: string
  createdAt: Date
  lastUsedAt: Date | null
}

export interface PasskeysParts {
  db: Db
  environment: Environment
  publicUrl: string
}

/** More than anybody carries. */
const MOST_PASSKEYS = 20

interface Stored {
  id: string
  public_key: Buffer
  counter: number
  user_id: string
  partner_id: string
  organization_id: string | null
  name: string
  email: string
}

export class Passkeys {
  readonly #db: Db
  readonly #environment: Environment
  readonly #rpId: string
  readonly #origins: string[]

  constructor({ db, environment, publicUrl }: PasskeysParts) {
    this.#db = db
    this.#environment = environment
    const { hostname, origin, port } = new URL(publicUrl)
    // Browsers take no address for a name: on the loopback interface it is localhost, whatever the server calls itself.
    this.#rpId = isLoopback(hostname) ? 'localhost' : hostname
    this.#origins = isLoopback(hostname) ? [origin, `http://localhost${port && `:${port}`}`] : [origin]
  }

  async list(userId: string): Promise<ListedPasskey[]> {
    const rows = await this.#db.worker((tx) =>
      tx.prepared<{ id: string; name: string; created_at: Date; last_used_at: Date | null }>(
        'passkeys_of_user',
        'select id, name, created_at, last_used_at from passkeys where user_id = $1 order by created_at, id',
        [userId],
      ),
    )
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      createdAt: row.created_at,
      lastUsedAt: row.last_used_at,
    }))
  }

  async remove(userId: string, id: string): Promise<boolean> {
    return this.#db.worker(async (tx) => {
      const removed = await tx.prepared(
        'passkey_remove',
        'delete from passkeys where user_id = $1 and id::text = $2 returning id',
        [userId, id],
      )
      await dropOrphanedCodes(tx, userId)
      return removed.length === 1
    })
  }

  async registrationOptions(user: KnownUser): Promise<PublicKeyCredentialCreationOptionsJSON> {
    return generateRegistrationOptions({
      rpName: 'Breeze',
      rpID: this.#rpId,
      userName: user.email,
      userDisplayName: user.name,
      userID: new TextEncoder().encode(user.id),
      attestationType: 'none',
      excludeCredentials: await this.#credentials(user.id),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    })
  }

  /** Null when the answer does not fit the challenge, this server or our demands; `taken` for one that is registered. */
  async register(
    user: KnownUser,
    name: string,
    challenge: string,
    response: RegistrationResponseJSON,
  ): Promise<string | 'taken' | null> {
    const verified = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: this.#origins,
      expectedRPID: this.#rpId,
      requireUserVerification: true,
    }).catch(refused)
    if (!verified?.verified) return null
    const { id: credentialId, publicKey, counter } = verified.registrationInfo.credential
    const id = this.#environment.newId()
    const rows = await this.#db.worker((tx) =>
      tx.prepared(
        'passkey_add',
        `insert into passkeys (id, user_id, partner_id, organization_id, name, credential_id, public_key, counter, transports, created_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 where (select count(*) from passkeys where user_id = $2) < $11
         on conflict (credential_id) do nothing returning id`,
        [
          id,
          user.id,
          user.partnerId,
          user.organizationId,
          name,
          credentialId,
          Buffer.from(publicKey),
          counter,
          transportsOf(response),
          this.#environment.now(),
          MOST_PASSKEYS,
        ],
      ),
    )
    return rows.length === 1 ? id : 'taken'
  }

  /** For one person's passkeys, or, when nobody is known yet, for any that the browser finds for this server. */
  async signInOptions(userId: string | null): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const allowed = userId === null ? [] : await this.#credentials(userId)
    return generateAuthenticationOptions({
      rpID: this.#rpId,
      userVerification: 'required',
      ...(allowed.length > 0 && { allowCredentials: allowed }),
    })
  }

  /** Whose passkey answered; `userId` is whom the challenge was made for. Null for every answer that is not to be believed. */
  async verify(
    userId: string | null,
    challenge: string,
    response: AuthenticationResponseJSON,
  ): Promise<KnownUser | null> {
    const stored = await this.#find(response.id)
    if (!stored || (userId !== null && stored.user_id !== userId)) return null
    const { userHandle } = response.response
    if (userHandle && Buffer.from(userHandle, 'base64url').toString() !== stored.user_id) return null
    const verified = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: this.#origins,
      expectedRPID: this.#rpId,
      credential: { id: response.id, publicKey: new Uint8Array(stored.public_key), counter: stored.counter },
      requireUserVerification: true,
    }).catch(refused)
    if (!verified?.verified) return null
    // The comparison in the statement holds against two answers at once.
    const counted = await this.#db.workerStatement(
      'passkey_used',
      `update passkeys set counter = $2, last_used_at = $3 where id = $1 and (counter < $2 or (counter = 0 and $2 = 0))`,
      [stored.id, verified.authenticationInfo.newCounter, this.#environment.now()],
    )
    if (counted !== 1) return null
    const { partner_id: partnerId, organization_id: organizationId, name, email } = stored
    return { id: stored.user_id, partnerId, organizationId, name, email }
  }

  async #credentials(userId: string): Promise<{ id: string; transports: string[] }[]> {
    return this.#db.worker((tx) =>
      tx.prepared<{ id: string; transports: string[] }>(
        'passkey_credentials',
        'select credential_id as id, transports from passkeys where user_id = $1 order by created_at',
        [userId],
      ),
    )
  }

  async #find(credentialId: string): Promise<Stored | undefined> {
    const [row] = await this.#db.worker((tx) =>
      tx.prepared<Stored>(
        'passkey_find',
        `select p.id, p.public_key, p.counter, u.id as user_id, u.partner_id, u.organization_id, u.name, u.email
         from passkeys p join users u on u.id = p.user_id left join organizations o on o.id = u.organization_id
         where p.credential_id = $1 and u.disabled_at is null and o.suspended_at is null`,
        [credentialId],
      ),
    )
    return row
  }
}

/** The library throws for whatever does not fit; there is nothing in it that a caller may act on. */
const refused = (): null => null

const transportsOf = (response: RegistrationResponseJSON): string[] =>
  (response.response.transports ?? []).filter((name) => /^[a-z-]{1,20}$/.test(name)).slice(0, 8)
