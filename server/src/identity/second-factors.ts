/** Codes of an authenticator app, and the recovery codes for the day when it is lost. */
import type { Environment } from '../kernel/context.ts'
import type { Db, Tx } from '../kernel/db.ts'
import type { SecretBox } from '../keys/secret-box.ts'
import type { SignInMethod } from './tables.ts'
import { hashToken } from './tokens.ts'
import { base32, matchingStep, otpauthUri, SECRET_BYTES } from './totp.ts'

const RECOVERY_CODES = 10
/** 50 bits each: ten characters of five. */
const RECOVERY_BYTES = 7
const RECOVERY_LENGTH = 10

export interface SecondFactorsParts {
  db: Db
  box: SecretBox
  pepper: Buffer
  environment: Environment
}

/** Whose rows are written: each carries its tenant, as every row does. */
export interface FactorOwner {
  id: string
  partnerId: string
  organizationId: string | null
}

const purposeOf = (userId: string): string => `totp ${userId}`

export class SecondFactors {
  readonly #parts: SecondFactorsParts

  constructor(parts: SecondFactorsParts) {
    this.#parts = parts
  }

  /** By what this person can complete a sign-in. Empty: the password is enough. */
  async methods(userId: string): Promise<SignInMethod[]> {
    const [row] = await this.#parts.db.worker((tx) =>
      tx.prepared<{ totp: boolean; passkey: boolean; recovery: boolean }>(
        'second_factor_methods',
        `select exists (select from totp_factors where user_id = $1 and confirmed_at is not null) as totp,
           exists (select from passkeys where user_id = $1) as passkey,
           exists (select from recovery_codes where user_id = $1 and used_at is null) as recovery`,
        [userId],
      ),
    )
    if (!row || (!row.totp && !row.passkey)) return []
    return (['totp', 'passkey', 'recovery'] as const).filter((method) => row[method])
  }

  /** A secret that counts for nothing until a code of it was shown. Null when codes are on already. */
  async start(owner: FactorOwner, account: string): Promise<{ secret: string; uri: string } | null> {
    const { db, box, environment } = this.#parts
    const secret = environment.randomBytes(SECRET_BYTES)
    const rows = await db.worker((tx) =>
      tx.prepared(
        'totp_start',
        `insert into totp_factors (user_id, partner_id, organization_id, secret, created_at) values ($1, $2, $3, $4, $5)
         on conflict (user_id) do update set secret = excluded.secret, created_at = excluded.created_at, last_step = 0
           where totp_factors.confirmed_at is null
         returning user_id`,
        [owner.id, owner.partnerId, owner.organizationId, box.seal(secret, purposeOf(owner.id)), environment.now()],
      ),
    )
    return rows.length === 0 ? null : { secret: base32(secret), uri: otpauthUri(secret, account) }
  }

  /** Turns codes on. Answers the recovery codes, shown only now; null for a wrong code or one of nothing. */
  async confirm(owner: FactorOwner, code: string): Promise<string[] | null> {
    if (!(await this.#acceptStep(owner.id, code, 'confirm'))) return null
    return this.renewRecoveryCodes(owner)
  }

  /** Which proof the code is: each is accepted once. Null when it is none. */
  async check(userId: string, presented: string): Promise<'totp' | 'recovery' | null> {
    const code = presented.replaceAll(/[\s-]/g, '')
    if (/^\d{6}$/.test(code)) return (await this.#acceptStep(userId, code, 'use')) ? 'totp' : null
    const { db, pepper, environment } = this.#parts
    const used = await db.workerStatement(
      'recovery_use',
      'update recovery_codes set used_at = $3 where user_id = $1 and hash = $2 and used_at is null',
      [userId, hashToken(readRecovery(code), pepper), environment.now()],
    )
    return used === 1 ? 'recovery' : null
  }

  async disable(userId: string): Promise<void> {
    await this.#parts.db.worker(async (tx) => {
      await tx.prepared('totp_disable', 'delete from totp_factors where user_id = $1', [userId])
      await dropOrphanedCodes(tx, userId)
    })
  }

  /** Ten new ones; those of before open nothing any more. */
  async renewRecoveryCodes(owner: FactorOwner): Promise<string[]> {
    const { db, pepper, environment } = this.#parts
    const codes = Array.from({ length: RECOVERY_CODES }, () =>
      base32(environment.randomBytes(RECOVERY_BYTES)).slice(0, RECOVERY_LENGTH).toLowerCase(),
    )
    await db.worker(async (tx) => {
      await tx.prepared('recovery_clear', 'delete from recovery_codes where user_id = $1', [owner.id])
      await tx.prepared(
        'recovery_fill',
        `insert into recovery_codes (id, user_id, partner_id, organization_id, hash, created_at)
         select u.id, $1, $2, $3, u.hash, $4 from unnest($5::uuid[], $6::bytea[]) as u (id, hash)`,
        [
          owner.id,
          owner.partnerId,
          owner.organizationId,
          environment.now(),
          codes.map(() => environment.newId()),
          codes.map((code) => hashToken(code, pepper)),
        ],
      )
    })
    return codes.map((code) => `${code.slice(0, 5)}-${code.slice(5)}`)
  }

  async recoveryCodesLeft(userId: string): Promise<number> {
    const [row] = await this.#parts.db.worker((tx) =>
      tx.prepared<{ n: number }>(
        'recovery_left',
        'select count(*) as n from recovery_codes where user_id = $1 and used_at is null',
        [userId],
      ),
    )
    return row?.n ?? 0
  }

  async #acceptStep(userId: string, code: string, use: 'confirm' | 'use'): Promise<boolean> {
    const { db, box, environment } = this.#parts
    const [row] = await db.worker((tx) =>
      tx.prepared<{ secret: Buffer }>(
        'totp_secret',
        'select secret from totp_factors where user_id = $1 and (confirmed_at is not null) = $2',
        [userId, use === 'use'],
      ),
    )
    if (!row || !/^\d{6}$/.test(code)) return false
    const now = environment.now()
    const step = matchingStep(box.open(row.secret, purposeOf(userId)), code, now)
    if (step === null) return false
    // The comparison in the statement is what makes it once, however many requests bring the same code.
    const accepted = await db.workerStatement(
      'totp_accept',
      `update totp_factors set last_step = $2, confirmed_at = coalesce(confirmed_at, $3)
       where user_id = $1 and last_step < $2 and secret = $4`,
      [userId, step, now, row.secret],
    )
    return accepted === 1
  }
}

/** Recovery codes stand in for another factor: without one they would be a password by themselves. */
export async function dropOrphanedCodes(tx: Tx, userId: string): Promise<void> {
  await tx.prepared(
    'recovery_orphans',
    `delete from recovery_codes where user_id = $1
       and not exists (select from totp_factors where user_id = $1 and confirmed_at is not null)
       and not exists (select from passkeys where user_id = $1)`,
    [userId],
  )
}

/** As a person types it from paper: any case, and digits for the letters they look like (the codes have neither 0 nor 1). */
const readRecovery = (code: string): string => code.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l')
