/** The parts of identity that the console works with, built together. */
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import type { Keys } from '../keys/keys.ts'
import { BrowserFlows } from './browser-flows.ts'
import { Passkeys } from './passkeys.ts'
import { SecondFactors } from './second-factors.ts'
import { Sessions } from './sessions.ts'
import { Setup } from './setup.ts'
import { PasswordSignIn } from './sign-in.ts'

export interface IdentityParts {
  db: Db
  keys: Pick<Keys, 'pepper' | 'box'>
  environment: Environment
  publicUrl: string
  /** The first administrator's. */
  adminId: string
  /** The authenticator's: open streams of the credential are cut. */
  revoked(credentialId: string): void
}

export interface IdentityServices {
  sessions: Sessions
  passwords: PasswordSignIn
  factors: SecondFactors
  passkeys: Passkeys
  flows: BrowserFlows
  setup: Setup
}

export function openIdentity(parts: IdentityParts): IdentityServices {
  const { db, keys, environment, publicUrl, adminId, revoked } = parts
  const { pepper, box } = keys
  return {
    sessions: new Sessions({ db, pepper, environment, revoked }),
    passwords: new PasswordSignIn(db),
    factors: new SecondFactors({ db, box, pepper, environment }),
    passkeys: new Passkeys({ db, environment, publicUrl }),
    flows: new BrowserFlows({ db, pepper, environment }),
    setup: new Setup({ db, pepper, adminId }),
  }
}
