/** The parts of identity that the console works with, built together. */
import type { Identity } from './authenticate.ts'
import type { Credentials } from './services/credentials.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import type { ProviderConfig } from '../provider-config.ts'
import type { Keys } from '../keys/keys.ts'
import { BrowserFlows } from './browser-flows.ts'
import { Invitations } from './invitations.ts'
import type { Mail } from './mail.ts'
import { Passkeys } from './passkeys.ts'
import { ProviderAccounts } from './provider-accounts.ts'
import { Providers } from './providers.ts'
import { Resets } from './resets.ts'
import { SecondFactors } from './second-factors.ts'
import { Sessions } from './sessions.ts'
import { Setup } from './setup.ts'
import { PasswordSignIn } from './sign-in.ts'

export interface IdentityParts {
  db: Db
  keys: Pick<Keys, 'pepper' | 'box'>
  environment: Environment
  publicUrl: string
  providers: readonly ProviderConfig[]
  /** The first administrator's. */
  adminId: string
  mail: Mail
  credentials: Credentials
  identityOf(userId: string): Promise<Identity | null>
  onError(error: unknown): void
  /** The authenticator's: open streams of the credential are cut. */
  revoked(credentialId: string): void
}

export interface IdentityServices {
  sessions: Sessions
  passwords: PasswordSignIn
  factors: SecondFactors
  passkeys: Passkeys
  flows: BrowserFlows
  invitations: Invitations
  resets: Resets
  providers: Providers
  providerAccounts: ProviderAccounts
  setup: Setup
}

export function openIdentity(parts: IdentityParts): IdentityServices {
  const { db, keys, environment, publicUrl, adminId, revoked, mail, credentials, identityOf, onError } = parts
  const { pepper, box } = keys
  return {
    sessions: new Sessions({ db, pepper, environment, revoked }),
    passwords: new PasswordSignIn(db),
    factors: new SecondFactors({ db, box, pepper, environment }),
    passkeys: new Passkeys({ db, environment, publicUrl }),
    flows: new BrowserFlows({ db, pepper, environment }),
    invitations: new Invitations({ db, pepper, environment, identityOf }),
    resets: new Resets({ db, pepper, environment, mail, credentials, onError }),
    providers: new Providers(parts.providers, publicUrl),
    providerAccounts: new ProviderAccounts({ db, environment }),
    setup: new Setup({ db, pepper, adminId }),
  }
}
