/** The authorization server as its routes see it: what goes to the library, and what becomes of its answers. */
import type { RequestListener } from 'node:http'
import { isScope } from '@breeze/contract/governance'
import type Provider from 'oidc-provider'
import { isDatabaseAway } from '../kernel/database-away.ts'
import type { GrantFacts } from './grants.ts'
import { askInProcess, type InnerAnswer, type InnerRequest } from './in-process.ts'
import type { Replays } from './replay.ts'
import type { Resources } from './resources.ts'
import { AUTHORIZE_PATH, CONSENT_PAGE, REVOKE_PATH, TOKEN_PATH } from './settings.ts'
import { type Exchange, exchanges } from './store.ts'

/** More than once in a request means that two readers of it would see two requests. */
const MAY_REPEAT: ReadonlySet<string> = new Set(['resource'])

export interface AuthorizationServerParts {
  issuer: string
  provider: Provider
  resources: Resources
  replays: Replays
  /** Told of grants that a request of a program ended. */
  ended(grant: GrantFacts, because: 'client' | 'reuse'): Promise<void>
  failed(error: Error): void
}

export type AuthorizeAnswer =
  | { next: 'consent'; uid: string }
  /** The library wants to send the browser back to the program. */
  | { next: 'redirect'; to: string }
  | { next: 'error'; status: number; error: string; description: string | null }

export class AuthorizationServer {
  readonly #parts: AuthorizationServerParts
  readonly #listener: RequestListener

  constructor(parts: AuthorizationServerParts) {
    this.#parts = parts
    this.#listener = parts.provider.callback()
  }

  async authorize(asked: URLSearchParams): Promise<AuthorizeAnswer> {
    const params = new URLSearchParams(asked)
    if (!repeats(params)) this.#prepare(params)
    const answer = await this.#ask({ method: 'GET', url: `${AUTHORIZE_PATH}?${params.toString()}` }, 'reuse')
    return this.#authorizeAnswer(answer)
  }

  /** After the decision. `uid` was proven to belong to this browser. */
  async resume(uid: string): Promise<AuthorizeAnswer> {
    const headers = { cookie: `resume=${uid}` }
    return this.#authorizeAnswer(await this.#ask({ method: 'GET', url: `${AUTHORIZE_PATH}/${uid}`, headers }, 'reuse'))
  }

  async token(form: string, headers: Record<string, string>): Promise<InnerAnswer> {
    const params = new URLSearchParams(form)
    this.#parts.resources.normalise(params)
    const { replays } = this.#parts
    const exchange = newExchange('reuse')
    const answer = await this.#ask({ method: 'POST', url: TOKEN_PATH, headers, body: params.toString() }, exchange)
    const oldToken = params.get('refresh_token')
    const clientId = params.get('client_id')
    if (params.get('grant_type') !== 'refresh_token' || oldToken === null || clientId === null) return answer
    if (exchange.superseded) return this.#successor(oldToken, clientId)
    if (answer.status === 200) await replays.keep(oldToken, clientId, answer.body)
    return answer
  }

  revoke(form: string, headers: Record<string, string>): Promise<InnerAnswer> {
    return this.#ask({ method: 'POST', url: REVOKE_PATH, headers, body: form }, 'client')
  }

  async #successor(oldToken: string, clientId: string): Promise<InnerAnswer> {
    const found = await this.#parts.replays.answer(oldToken, clientId)
    if (found === 'none') return json(400, { error: 'invalid_grant', error_description: 'grant request is invalid' })
    if (found !== 'late') return { ...json(200, {}), body: found.body }
    return unavailable('this refresh token was exchanged a moment ago')
  }

  /** What clients leave out or ask beside our scopes (`openid` and such, by habit) must not end in an error. */
  #prepare(params: URLSearchParams): void {
    const known = (params.get('scope') ?? '').split(' ').filter((scope) => isScope(scope))
    params.set('scope', known.length > 0 ? [...new Set(known)].join(' ') : 'ai:read')
    if (params.get('prompt') !== 'none') params.delete('prompt')
    for (const name of ['acr_values', 'claims', 'claims_locales', 'id_token_hint', 'max_age', 'nonce'])
      params.delete(name)
    this.#parts.resources.normalise(params)
  }

  async #ask(
    asked: Pick<InnerRequest, 'method' | 'url' | 'body'> & { headers?: Record<string, string> },
    because: Exchange | Exchange['because'],
  ): Promise<InnerAnswer> {
    const issuer = new URL(this.#parts.issuer)
    const exchange = typeof because === 'string' ? newExchange(because) : because
    const inner: InnerRequest = {
      ...asked,
      headers: { accept: 'application/json', ...asked.headers, host: issuer.host },
      secure: issuer.protocol === 'https:',
    }
    const answer = await exchanges.run(exchange, () => askInProcess(this.#listener, inner))
    for (const grant of exchange.ended) await this.#parts.ended(grant, exchange.because)
    const { failure } = exchange
    if (failure === null || exchange.superseded) return answer
    if (isDatabaseAway(failure)) return unavailable('the database can not be reached at the moment')
    this.#parts.failed(failure)
    return answer
  }

  #authorizeAnswer(answer: InnerAnswer): AuthorizeAnswer {
    const { location } = answer.headers
    if (answer.status >= 300 && answer.status < 400 && typeof location === 'string') {
      const uid = location.startsWith(`${CONSENT_PAGE}/`) ? location.slice(CONSENT_PAGE.length + 1) : null
      return uid === null ? { next: 'redirect', to: location } : { next: 'consent', uid }
    }
    const said = errorOf(answer.body)
    return { next: 'error', status: answer.status >= 400 ? answer.status : 500, ...said }
  }
}

const newExchange = (because: Exchange['because']): Exchange => ({
  superseded: false,
  because,
  ended: [],
  failure: null,
})

function repeats(params: URLSearchParams): boolean {
  return [...params.keys()].some((name) => !MAY_REPEAT.has(name) && params.getAll(name).length > 1)
}

function json(status: number, said: object, more: Record<string, string> = {}): InnerAnswer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...more }, body: JSON.stringify(said) }
}

const unavailable = (reason: string): InnerAnswer =>
  json(503, { error: 'temporarily_unavailable', error_description: reason }, { 'retry-after': '5' })

function errorOf(body: string): { error: string; description: string | null } {
  const said: unknown = body.startsWith('{') ? JSON.parse(body) : {}
  const record = typeof said === 'object' && said !== null ? said : {}
  const error = 'error' in record && typeof record.error === 'string' ? record.error : 'server_error'
  const description =
    'error_description' in record && typeof record.error_description === 'string' ? record.error_description : null
  return { error, description }
}
