/**
 * Signing in with a password. One answer for an unknown address, a wrong password and a person who may not sign in; the same
 * work is done for each, so that the time tells no more than the words.
 */
import { hash, verify } from '@node-rs/argon2'
import { LocalRateLimiter } from '../kernel/rate-limit.ts'
import type { Db } from '../kernel/db.ts'

export interface KnownUser {
  id: string
  partnerId: string
  organizationId: string | null
  name: string
  email: string
}

export type PasswordVerdict =
  | { state: 'right'; user: KnownUser }
  | { state: 'wrong' }
  | { state: 'throttled'; retryAfterSeconds: number }

const QUARTER_HOUR_MS = 15 * 60_000
const HOUR_MS = 3_600_000
/** From one address for one account: a person who mistypes. */
const PER_ACCOUNT_AND_ADDRESS = 8
/** From one address for all accounts: one password tried on many. */
const PER_ADDRESS = 40
/** For one account from addresses that never signed in to it: many addresses trying. Known ones are not held up. */
const PER_ACCOUNT = 50
const KNOWN_ADDRESSES = 10_000

export class PasswordSignIn {
  readonly #db: Db
  readonly #limits = new LocalRateLimiter()
  /** `account address` pairs that signed in before: a victim's own address stays open while others are held up. */
  readonly #known = new Set<string>()
  readonly #decoy: Promise<string>

  constructor(db: Db) {
    this.#db = db
    this.#decoy = hash('no account has this password')
  }

  async check(email: string, password: string, ip: string | null): Promise<PasswordVerdict> {
    const account = email.trim().toLowerCase()
    const address = ip ?? 'local'
    if (this.#limits.exhausted(`account ${account}`, PER_ACCOUNT).allowed === false) await this.#recall(account, ip)
    const wait = this.#take(account, address)
    if (wait > 0) return { state: 'throttled', retryAfterSeconds: wait }
    const found = await this.#find(account)
    const matches = await verify(found?.passwordHash ?? (await this.#decoy), password).catch(() => false)
    if (!found || !matches) return { state: 'wrong' }
    this.proven(account, address)
    return { state: 'right', user: found.user }
  }

  /** Counts an attempt before it is judged, so that many at once can't slip through. Seconds to wait; 0 to go on. */
  secondFactorWait(userId: string, ip: string | null): number {
    return this.#take(userId, ip ?? 'local')
  }

  /** The attempt was right: it does not count, and this address is the account's own from now on. */
  proven(account: string, address: string | null): void {
    for (const { key } of this.#limitsOf(account, address ?? 'local')) this.#limits.giveBack(key)
    this.#remember(`${account} ${address ?? 'local'}`)
  }

  /** Hashed by the caller: it takes a while on purpose. */
  async set(userId: string, passwordHash: string): Promise<void> {
    await this.#db.workerStatement('password_set', 'update users set password_hash = $2 where id = $1', [
      userId,
      passwordHash,
    ])
  }

  #take(account: string, address: string): number {
    const limits = this.#limitsOf(account, address)
    const waits = limits.map(({ key, most }) => this.#limits.exhausted(key, most))
    const longest = Math.max(...waits.map((verdict) => (verdict.allowed ? 0 : verdict.retryAfterSeconds)))
    if (longest === 0) for (const { key, most, windowMs } of limits) this.#limits.take(key, most, windowMs)
    return longest
  }

  /**
   * A flood at one account must not keep its person out after a restart either: where they were signed in lately is in the
   * database.
   */
  async #recall(account: string, ip: string | null): Promise<void> {
    const pair = `${account} ${ip ?? 'local'}`
    if (this.#known.has(pair)) return
    const rows = await this.#db.worker((tx) =>
      tx.prepared(
        'sign_in_known_address',
        `select from sessions s join users u on u.id = s.user_id
         where lower(u.email) = $1 and s.ip is not distinct from $2 and s.stage = 'open' limit 1`,
        [account, ip],
      ),
    )
    if (rows.length > 0) this.#remember(pair)
  }

  #limitsOf(account: string, address: string): { key: string; most: number; windowMs: number }[] {
    return [
      { key: `pair ${account} ${address}`, most: PER_ACCOUNT_AND_ADDRESS, windowMs: QUARTER_HOUR_MS },
      { key: `address ${address}`, most: PER_ADDRESS, windowMs: QUARTER_HOUR_MS },
      ...(this.#known.has(`${account} ${address}`)
        ? []
        : [{ key: `account ${account}`, most: PER_ACCOUNT, windowMs: HOUR_MS }]),
    ]
  }

  #remember(pair: string): void {
    if (this.#known.size >= KNOWN_ADDRESSES) this.#known.clear()
    this.#known.add(pair)
  }

  async #find(account: string): Promise<{ user: KnownUser; passwordHash: string } | null> {
    const rows = await this.#db.worker((tx) =>
      tx.prepared<{
        id: string
        partner_id: string
        organization_id: string | null
        name: string
        email: string
        password_hash: string | null
      }>(
        'sign_in_user',
        `select u.id, u.partner_id, u.organization_id, u.name, u.email, u.password_hash from users u
         left join organizations o on o.id = u.organization_id
         where lower(u.email) = $1 and u.kind = 'person' and u.disabled_at is null and o.suspended_at is null`,
        [account],
      ),
    )
    const row = rows[0]
    if (!row || row.password_hash === null) return null
    const { id, partner_id: partnerId, organization_id: organizationId, name, email } = row
    return { user: { id, partnerId, organizationId, name, email }, passwordHash: row.password_hash }
  }
}
