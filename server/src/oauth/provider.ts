/** The protocol library, set up for public clients, codes with PKCE, and opaque tokens of one resource. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { ALL_SCOPES } from '@breeze/contract/governance'
import { errors, interactionPolicy, type JWK, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { ACCESS_PREFIX, makeToken, REFRESH_PREFIX } from '../identity/tokens.ts'
import {
  ACCESS_SECONDS,
  AUTHORIZE_PATH,
  CODE_SECONDS,
  CONSENT_PAGE,
  INTERACTION_SECONDS,
  JWKS_PATH,
  type Lifetimes,
  REVOKE_PATH,
  TOKEN_PATH,
} from './settings.ts'
import { exchanges } from './exchange.ts'
import { Store, type StoreParts } from './store.ts'

export interface ProviderParts extends StoreParts {
  lifetimes: Lifetimes
}

export function createProvider(parts: ProviderParts): Provider {
  const { issuer, resource, lifetimes } = parts
  // A consent of before, a login of before: neither counts. Each authorization asks again.
  const { Prompt, Check } = interactionPolicy
  const always = (name: 'login' | 'consent') =>
    new Check('always', 'asked each time', (ctx) => !ctx.oidc.result?.[name])
  const { RefreshToken: _, ...ttl } = { RefreshToken: 0, Interaction: INTERACTION_SECONDS, Session: 600 }
  const provider = new Provider(issuer, {
    adapter: (model: string) => new Store(parts, model),
    clientAuthMethods: ['none'],
    clientDefaults: {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
    },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    // Nothing is ever signed, as `openid` is not granted. The library insists on a key, so it gets one that nobody else has.
    jwks: { keys: [signingKey()] },
    cookies: {
      keys: [randomBytes(32)],
      names: { resume: 'resume', interaction: 'interaction', session: 'session' },
      short: { signed: false, path: '/' },
      long: { signed: false },
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      dPoP: { enabled: false },
      introspection: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, asked) => {
          if (asked !== resource) throw new errors.InvalidTarget()
          return {
            scope: ALL_SCOPES.join(' '),
            audience: resource,
            accessTokenTTL: ACCESS_SECONDS,
            accessTokenFormat: 'opaque',
          }
        },
      },
    },
    interactions: {
      policy: [
        new Prompt({ name: 'login', requestable: true }, always('login')),
        new Prompt({ name: 'consent', requestable: true }, always('consent')),
      ],
      url: (_ctx, interaction) => `${CONSENT_PAGE}/${interaction.uid}`,
    },
    scopes: ['offline_access'],
    claims: {},
    responseTypes: ['code'],
    pkce: { required: () => true },
    routes: {
      authorization: AUTHORIZE_PATH,
      token: TOKEN_PATH,
      revocation: REVOKE_PATH,
      jwks: JWKS_PATH,
    },
    formats: { bitsOfOpaqueRandomness: 256 },
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    revokeGrantPolicy: () => true,
    loadExistingGrant: async (ctx) => {
      const id = ctx.oidc.result?.consent?.grantId
      return id === undefined ? undefined : ctx.oidc.provider.Grant.find(id)
    },
    // Whether the person may still is decided by the grant's row, which was just read. Whether the program still comes back
    // by the way that its code went is looked at here: nothing else is asked of both.
    findAccount: (ctx, id, token) =>
      wentAstray(ctx, token) ? undefined : { accountId: id, claims: () => ({ sub: id }) },
    ttl: {
      ...ttl,
      AccessToken: ACCESS_SECONDS,
      AuthorizationCode: CODE_SECONDS,
      RefreshToken: (ctx) => refreshSeconds(ctx.oidc.entities.Grant?.exp, lifetimes),
      Grant: lifetimes.grantSeconds,
    },
    renderError: (ctx, out) => {
      ctx.type = 'json'
      ctx.body = out
    },
  })
  provider.on('server_error', (_ctx, error) => {
    const exchange = exchanges.getStore()
    if (exchange) exchange.failure = error
  })
  nameTokens(provider)
  return provider
}

const wentAstray = (ctx: KoaContextWithOIDC, token: object | undefined): boolean =>
  token !== undefined &&
  'redirectUri' in token &&
  typeof token.redirectUri === 'string' &&
  ctx.oidc.client?.redirectUriAllowed(token.redirectUri) !== true

// `export` answers every kind of key; of a P-256 key it is this one.
const signingKey = (): JWK =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }) as JWK

/** Sliding, and never beyond the grant's own end. */
function refreshSeconds(grantEnds: number | undefined, lifetimes: Lifetimes): number {
  const left = grantEnds === undefined ? lifetimes.grantSeconds : grantEnds - Math.floor(Date.now() / 1000)
  return Math.max(1, Math.min(lifetimes.refreshIdleSeconds, left))
}

/** Recognisable, so that scanners find one that leaked and no other kind of credential is ever looked up as one. */
function nameTokens(provider: Provider): void {
  Object.defineProperty(provider.AccessToken.prototype, 'generateTokenId', { value: tokenMaker(ACCESS_PREFIX) })
  Object.defineProperty(provider.RefreshToken.prototype, 'generateTokenId', { value: tokenMaker(REFRESH_PREFIX) })
}

const tokenMaker = (prefix: string) =>
  function (this: { format?: string }): string {
    this.format = 'opaque'
    return makeToken(prefix, randomBytes)
  }
