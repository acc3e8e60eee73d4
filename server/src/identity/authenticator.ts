/** Checks credentials against the database on every request: nothing is kept between them, so a change counts at once. */
import { BlockList, isIPv6 } from 'node:net'
import type { Db } from '../kernel/db.ts'
import type { Authenticator, Identity, PresentedCredential } from './authenticate.ts'
import { identityFrom, type Rights } from './rights.ts'
import { SharedLookUp } from './shared-look-up.ts'
import type { SignInMethod } from './tables.ts'
import { ACCESS_PREFIX, hashToken, KEY_PREFIX, OPERATOR_PREFIX, sameSecret, SESSION_PREFIX } from './tokens.ts'

interface KeyAnswer {
  key: {
    id: string
    name: string
    scopes: string[]
    ip_allow_list: string[] | null
    expires_at: string | null
    last_session_at: string | null
  }
  rights: Rights
}

interface SessionAnswer {
  session: {
    id: string
    methods: SignInMethod[]
    proven_at: string
    expires_at: string
    last_session_at: string | null
  }
  email: string
  name: string
  organization: string | null
  partner_name: string
  proofs: Record<'password' | 'totp' | 'passkey' | 'recovery', boolean>
  rights: Rights
}

interface GrantAnswer {
  grant: {
    id: string
    name: string
    scopes: string[]
    /** Of the grant's, those that this token was asked for. */
    token_scope: string | null
    expires_at: string
    last_session_at: string | null
  }
  rights: Rights
}

interface StoredAnswer {
  scopes: string[] | null
  ip_allow_list: string[] | null
  rights: Rights
}

/** A person at the console, and when they last proved who they are. */
export interface ConsolePerson {
  identity: Identity
  email: string
  name: string
  /** Of an organization's own people; null for the partner's. */
  organizationId: string | null
  partnerName: string
  methods: readonly SignInMethod[]
  /** What this person can prove themselves by. */
  proofs: Readonly<Record<'password' | 'totp' | 'passkey' | 'recovery', boolean>>
  provenAt: Date
}

const LONGEST_TOKEN = 512

export interface AuthenticatorParts {
  db: Db
  pepper: Buffer
  /** The token in the 0600 file, and whom it stands for. */
  operator: { token: string; userId: string }
  /** Off: no access token opens anything. */
  oauthEnabled: boolean
  now(): Date
}

export class DatabaseAuthenticator implements Authenticator {
  readonly #parts: AuthenticatorParts
  readonly #keys = new SharedLookUp<KeyAnswer | null>()
  readonly #tokens = new SharedLookUp<GrantAnswer | null>()
  readonly #listeners = new Set<(credentialId: string) => void>()
  readonly #seen = new Map<string, Date>()
  readonly #usedGrants = new Map<string, Date>()
  readonly #used = new Map<string, { at: Date; ip: string | null }>()

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts
  }

  async authenticate(presented: PresentedCredential): Promise<Identity | null> {
    const token = presentedToken(presented)
    if (token === null) return null
    if (token.startsWith(OPERATOR_PREFIX)) return this.#operator(token, presented.ip)
    if (token.startsWith(KEY_PREFIX)) return this.#apiKey(token, presented.ip)
    if (token.startsWith(ACCESS_PREFIX)) return this.#oauthToken(token, presented.ip)
    return null
  }

  /** By the value of the session's cookie. Null for everything that is not an open session of a person who may sign in. */
  async session(token: string, ip: string | null): Promise<ConsolePerson | null> {
    if (token.length > LONGEST_TOKEN || !token.startsWith(SESSION_PREFIX)) return null
    const row = await this.#parts.db.lookUp<{ answer: SessionAnswer | null }>(
      'auth_session',
      'select auth_session($1) as answer',
      [hashToken(token, this.#parts.pepper)],
    )
    if (!row?.answer) return null
    const { session, email, name, organization, partner_name: partnerName, proofs, rights } = row.answer
    this.#seen.set(session.id, new Date())
    const identity = identityFrom(rights, {
      now: this.#parts.now(),
      credential: { kind: 'session', id: session.id, name: 'console' },
      scopes: 'all',
      expiresAt: new Date(session.expires_at),
      lastUsedAt: session.last_session_at,
      ip,
    })
    return {
      identity,
      email,
      name,
      organizationId: organization,
      partnerName,
      methods: session.methods,
      proofs,
      provenAt: new Date(session.proven_at),
    }
  }

  onRevoked(listener: (credentialId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Told by whoever made a credential worthless; open streams of it are cut. */
  revoked(credentialId: string): void {
    for (const listener of this.#listeners) listener(credentialId)
  }

  /** Writes down when keys were last used, and which session of calls that belongs to; every few seconds: no call waits for it. */
  async flushLastUsed(): Promise<void> {
    await this.#flushSeen()
    await this.#flushGrants()
    if (this.#used.size === 0) return
    const used = [...this.#used].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#used.clear()
    await this.#parts.db.workerStatement(
      'api_keys_used',
      `update api_keys k set last_used_at = u.at, last_used_ip = u.ip,
         previous_session_at = session_before(k.last_used_at, k.previous_session_at, u.at)
       from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as u (id, at, ip) where k.id = u.id`,
      [used.map(([id]) => id), used.map(([, use]) => use.at), used.map(([, use]) => use.ip)],
    )
  }

  async #flushSeen(): Promise<void> {
    if (this.#seen.size === 0) return
    const seen = [...this.#seen].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#seen.clear()
    await this.#parts.db.workerStatement(
      'sessions_seen',
      `update sessions s set last_used_at = greatest(s.last_used_at, u.at),
         previous_session_at = session_before(s.last_used_at, s.previous_session_at, u.at)
       from unnest($1::uuid[], $2::timestamptz[]) as u (id, at) where s.id = u.id`,
      [seen.map(([id]) => id), seen.map(([, at]) => at)],
    )
  }

  async #flushGrants(): Promise<void> {
    if (this.#usedGrants.size === 0) return
    const used = [...this.#usedGrants].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#usedGrants.clear()
    await this.#parts.db.workerStatement(
      'oauth_grants_used',
      `update oauth_grants g set last_used_at = greatest(g.last_used_at, u.at),
         previous_session_at = session_before(g.last_used_at, g.previous_session_at, u.at)
       from unnest($1::uuid[], $2::timestamptz[]) as u (id, at) where g.id = u.id`,
      [used.map(([id]) => id), used.map(([, at]) => at)],
    )
  }

  async #lookUpToken(hash: Buffer): Promise<GrantAnswer | null> {
    const text = 'select auth_oauth_token($1) as answer'
    const row = await this.#parts.db.lookUp<{ answer: GrantAnswer | null }>('auth_oauth_token', text, [hash])
    return row?.answer ?? null
  }

  /** The grant's row decides: it is read at every request, and with it the rights of its user. */
  async #oauthToken(token: string, ip: string | null): Promise<Identity | null> {
    if (!this.#parts.oauthEnabled) return null
    const hash = hashToken(token, this.#parts.pepper)
    const answer = await this.#tokens.ask(hash.toString('base64'), () => this.#lookUpToken(hash))
    if (!answer) return null
    const { grant, rights } = answer
    const asked = new Set(grant.token_scope?.split(' '))
    this.#usedGrants.set(grant.id, new Date())
    return identityFrom(rights, {
      now: this.#parts.now(),
      credential: { kind: 'oauth_grant', id: grant.id, name: grant.name },
      scopes: new Set(grant.scopes.filter((scope) => asked.has(scope))),
      expiresAt: new Date(grant.expires_at),
      lastUsedAt: grant.last_session_at,
      ip,
    })
  }

  async #lookUpKey(hash: Buffer): Promise<KeyAnswer | null> {
    const text = 'select auth_api_key($1) as answer'
    const row = await this.#parts.db.lookUp<{ answer: KeyAnswer | null }>('auth_api_key', text, [hash])
    return row?.answer ?? null
  }

  async #apiKey(token: string, ip: string | null): Promise<Identity | null> {
    const hash = hashToken(token, this.#parts.pepper)
    const answer = await this.#keys.ask(hash.toString('base64'), () => this.#lookUpKey(hash))
    if (!answer) return null
    const { key, rights } = answer
    if (key.ip_allow_list && !isAllowed(ip, key.ip_allow_list)) return null
    this.#used.set(key.id, { at: new Date(), ip })
    return identityFrom(rights, {
      now: this.#parts.now(),
      credential: { kind: 'api_key', id: key.id, name: key.name },
      scopes: new Set(key.scopes),
      expiresAt: key.expires_at === null ? null : new Date(key.expires_at),
      lastUsedAt: key.last_session_at,
      ip,
    })
  }

  async #operator(token: string, ip: string | null): Promise<Identity | null> {
    const { operator } = this.#parts
    if (!sameSecret(token, operator.token)) return null
    return this.userIdentity(operator.userId, { kind: 'operator', id: operator.userId, name: 'operator' }, ip)
  }

  /** The rights, as they are now, of whoever began an act that goes on after its call. */
  async stored({ userId, credential, scopes, ip }: StoredPrincipal): Promise<Identity | null> {
    if (credential.kind === 'oauth_grant' && !this.#parts.oauthEnabled) return null
    const row = await this.#parts.db.lookUp<{ answer: StoredAnswer | null }>(
      'auth_stored',
      'select auth_stored($1, $2, $3) as answer',
      [credential.kind, credential.id, userId],
    )
    if (!row?.answer) return null
    const { scopes: now, ip_allow_list: allowed, rights } = row.answer
    if (ip !== undefined && allowed && !isAllowed(ip, allowed)) return null
    const held = scopes && now ? now.filter((scope) => scopes.includes(scope)) : now
    return identityFrom(rights, {
      now: this.#parts.now(),
      credential,
      scopes: held === null ? 'all' : new Set(held),
      expiresAt: null,
      lastUsedAt: null,
      ip: null,
    })
  }

  /** The rights of a user who acts in person: at the server's own machine now, at the console later. */
  async userIdentity(
    userId: string,
    credential: Extract<Identity['credential'], { kind: 'operator' | 'session' }>,
    ip: string | null,
  ): Promise<Identity | null> {
    const row = await this.#parts.db.lookUp<{ answer: { rights: Rights } | null }>(
      'auth_user',
      'select auth_user($1) as answer',
      [userId],
    )
    if (!row?.answer) return null
    return identityFrom(row.answer.rights, {
      now: this.#parts.now(),
      credential,
      scopes: 'all',
      expiresAt: null,
      lastUsedAt: null,
      ip,
    })
  }
}

/** Whose act is stored, and by which credential. */
export interface StoredPrincipal {
  userId: string
  credential: Identity['credential']
  /** What it was let in with; null: all that its user may. */
  scopes: readonly string[] | null
  /** Where its call came from, to be held against the key's list as it is by now; not asked for what goes on by itself. */
  ip?: string | null
}

function presentedToken(presented: PresentedCredential): string | null {
  const bearer = /^Bearer ([\x21-\x7e]+)$/i.exec(presented.authorization ?? '')?.[1]
  const token = presented.apiKey ?? bearer ?? null
  return token !== null && token.length <= LONGEST_TOKEN ? token : null
}

function isAllowed(ip: string | null, allowed: readonly string[]): boolean {
  if (ip === null) return false
  const list = new BlockList()
  for (const range of allowed) {
    const [address, bits] = range.split('/')
    if (address)
      list.addSubnet(address, Number(bits ?? (isIPv6(address) ? 128 : 32)), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
}
