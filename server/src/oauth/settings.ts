/** The addresses and the lifetimes of the authorization server. */

export const AUTHORIZE_PATH = '/oauth/authorize'
export const TOKEN_PATH = '/oauth/token'
export const REVOKE_PATH = '/oauth/revoke'
export const REGISTER_PATH = '/oauth/register'
export const JWKS_PATH = '/oauth/jwks'
export const CONSENT_PAGE = '/consent'

export const ACCESS_SECONDS = 15 * 60
export const CODE_SECONDS = 60
/** From the start of an authorization to the decision: long enough to sign in on the way. */
export const INTERACTION_SECONDS = 30 * 60
/** For so long a refresh token that was just exchanged gives the same successor again: clients retry, and some have two addresses. */
export const REPLAY_SECONDS = 30

export interface Lifetimes {
  /** A refresh token that nobody uses for so long ends. */
  refreshIdleSeconds: number
  /** However often it is refreshed, a grant ends after so long. */
  grantSeconds: number
}
