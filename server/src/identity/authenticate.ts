/** From a credential on a request to a caller. The answer to every bad credential is the same: null. */
import type { Caller } from '../kernel/caller.ts'

/** A caller before the adapter has said on which channel it came and which program speaks. */
export type Identity = Omit<Caller, 'channel' | 'client'>

export interface PresentedCredential {
  /** Value of the Authorization header. */
  authorization: string | null
  /** Value of the X-API-Key header. */
  apiKey: string | null
  /** The client's address, already resolved through the trusted proxies. */
  ip: string | null
}

export interface Authenticator {
  /** Null for a missing, unknown, expired, revoked or misplaced credential. Rights are as of now: never cached. */
  authenticate(presented: PresentedCredential): Promise<Identity | null>
  /** Told when a credential stops being good, so that its open streams can be cut. */
  onRevoked(listener: (credentialId: string) => void): () => void
}
