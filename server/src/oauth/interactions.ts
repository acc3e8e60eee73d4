/** An authorization that waits for a person's decision, and the proof that it began in this very browser. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type Provider from 'oidc-provider'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import { hashToken } from '../identity/tokens.ts'
import { AUTHORIZE_PATH } from './settings.ts'

export interface PendingConsent {
  uid: string
  clientId: string
  redirectUri: string
  scopes: string[]
  expiresAt: Date
}

/** Of the program: its document may change while somebody reads the page. */
export interface Shown {
  name: string
  host: string | null
}

const UID = /^[A-Za-z0-9_-]{20,64}$/

export class Interactions {
  readonly #provider: Provider
  readonly #db: Db
  readonly #pepper: Buffer
  readonly #environment: Environment

  constructor(parts: { provider: Provider; db: Db; pepper: Buffer; environment: Environment }) {
    this.#provider = parts.provider
    this.#db = parts.db
    this.#pepper = parts.pepper
    this.#environment = parts.environment
  }

  /** The value of the browser's cookie: nobody who only knows the address of the page can make it. */
  proof(uid: string): string {
    return createHmac('sha256', this.#pepper).update(`consent ${uid}`).digest('base64url')
  }

  proves(uid: string, cookie: string | null): boolean {
    return same(cookie ?? '', this.proof(uid))
  }

  /** What a decision brings along: in which sign-in, and with what shown, it was made. */
  seen(uid: string, sessionId: string, shown: Shown): string {
    const said = JSON.stringify(['seen', uid, sessionId, shown.name, shown.host])
    return createHmac('sha256', this.#pepper).update(said).digest('base64url')
  }

  wasSeen(given: string, uid: string, sessionId: string, shown: Shown): boolean {
    return same(given, this.seen(uid, sessionId, shown))
  }

  /** Null when there is none, it has ended, was decided, or its program no longer comes back by that way. */
  async pending(uid: string): Promise<PendingConsent | null> {
    const found = await this.#find(uid)
    return found && !found.decided ? found.asked : null
  }

  /** Whether the browser may be sent back. The program's document may have changed since the decision. */
  async mayReturn(uid: string): Promise<boolean> {
    return (await this.#find(uid)) !== null
  }

  async #find(uid: string): Promise<{ asked: PendingConsent; decided: boolean } | null> {
    const found = UID.test(uid) ? await this.#provider.Interaction.find(uid) : undefined
    const { client_id: clientId, redirect_uri: redirectUri, scope } = found?.params ?? {}
    if (!found || typeof clientId !== 'string' || typeof redirectUri !== 'string' || typeof scope !== 'string')
      return null
    const client = await this.#provider.Client.find(clientId)
    if (!client?.redirectUriAllowed(redirectUri)) return null
    const asked = { uid, clientId, redirectUri, scopes: scope.split(' '), expiresAt: new Date(found.exp * 1000) }
    return { asked, decided: found.result !== undefined }
  }

  /** One decision only, however often the button is pressed. */
  async claim(uid: string): Promise<boolean> {
    const [claimed] = await this.#db.oauth<{ claimed: boolean }>(
      'oauth_interaction_claim',
      `update oauth_store set consumed_at = $2 where model = 'Interaction' and id_hash = $1 and consumed_at is null
       returning true as claimed`,
      [hashToken(uid, this.#pepper), this.#environment.now()],
    )
    return claimed !== undefined
  }

  async approve(uid: string, userId: string, grantId: string): Promise<string> {
    return this.#finish(uid, { login: { accountId: userId, remember: false }, consent: { grantId } })
  }

  async deny(uid: string): Promise<string> {
    return this.#finish(uid, { error: 'access_denied', error_description: 'the person did not agree' })
  }

  /** Where the browser goes now. */
  async #finish(uid: string, result: object): Promise<string> {
    const found = await this.#provider.Interaction.find(uid)
    if (!found) throw new Error('the authorization ended while it was decided')
    Object.assign(found, { result })
    await found.persist()
    return `${AUTHORIZE_PATH}/${uid}`
  }
}

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}
