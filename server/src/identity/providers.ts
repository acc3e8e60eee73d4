/**
 * Signing in with another issuer (OpenID Connect core, authorization code with PKCE). The answer is believed when it fits
 * the state, nonce and verifier that this very browser began with, and its token is the issuer's, signed, for us.
 */
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  ClientSecretPost,
  discovery,
  enableNonRepudiationChecks,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type Configuration,
} from 'openid-client'
import { z } from 'zod'
import type { ProviderConfig } from '../provider-config.ts'

const TIMEOUT_SECONDS = 10
/** Keys and addresses of an issuer change rarely. */
const DISCOVERED_MS = 3_600_000

export interface Claims {
  issuer: string
  subject: string
  /** What the issuer calls the person: shown, and used for nothing. */
  label: string | null
  name: string | null
}

/** What the browser that began must bring back. */
export const begun = z.object({ provider: z.string(), state: z.string(), nonce: z.string(), verifier: z.string() })
export type Begun = z.output<typeof begun>

export class Providers {
  readonly #configs: ReadonlyMap<string, ProviderConfig>
  readonly #publicUrl: string
  readonly #found = new Map<string, { at: number; configuration: Promise<Configuration> }>()

  constructor(configs: readonly ProviderConfig[], publicUrl: string) {
    this.#configs = new Map(configs.map((config) => [config.id, config]))
    this.#publicUrl = publicUrl
  }

  list(): { id: string; name: string }[] {
    return [...this.#configs.values()].map(({ id, name }) => ({ id, name }))
  }

  has(id: string): boolean {
    return this.#configs.has(id)
  }

  nameOf(issuer: string): string {
    return [...this.#configs.values()].find((config) => config.issuer === issuer)?.name ?? issuer
  }

  /** Where the browser goes, and what it must bring back. Throws when the issuer can't be reached. */
  async begin(id: string): Promise<{ url: string; begun: Begun }> {
    const config = this.#config(id)
    const configuration = await this.#discover(config)
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback(id),
      scope: config.scopes,
      response_type: 'code',
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    return { url: url.href, begun: { provider: id, state, nonce, verifier } }
  }

  /** Who the issuer says it is. Throws for every answer that does not fit what was begun. */
  async finish({ provider, state, nonce, verifier }: Begun, search: string): Promise<Claims> {
    const configuration = await this.#discover(this.#config(provider))
    const answer = new URL(this.#callback(provider))
    answer.search = search
    const tokens = await authorizationCodeGrant(configuration, answer, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    })
    const claims = tokens.claims()
    if (!claims) throw new Error('the issuer sent no ID token')
    const label = claims['email'] ?? claims['preferred_username']
    return {
      issuer: claims.iss,
      subject: claims.sub,
      label: typeof label === 'string' ? label.slice(0, 254) : null,
      name: typeof claims['name'] === 'string' ? claims['name'].slice(0, 200) : null,
    }
  }

  #callback(id: string): string {
    return `${this.#publicUrl}/api/console/sign-in/provider/${id}/callback`
  }

  #config(id: string): ProviderConfig {
    const config = this.#configs.get(id)
    if (!config) throw new Error('there is no such provider')
    return config
  }

  #discover(config: ProviderConfig): Promise<Configuration> {
    const known = this.#found.get(config.id)
    if (known && Date.now() - known.at < DISCOVERED_MS) return known.configuration
    const configuration = discovery(
      new URL(config.issuer),
      config.clientId,
      undefined,
      config.clientSecret === null ? None() : ClientSecretPost(config.clientSecret),
      {
        timeout: TIMEOUT_SECONDS,
        // Signatures are checked too, although the token comes from the issuer itself over TLS.
        execute: [enableNonRepudiationChecks, ...(config.issuer.startsWith('http:') ? [allowInsecureRequests] : [])],
      },
    )
    this.#found.set(config.id, { at: Date.now(), configuration })
    // An issuer that was away is asked again by whoever comes next.
    configuration.catch(() => this.#found.delete(config.id))
    return configuration
  }
}
