/** The authorization server as its routes see it: what goes to the library, and what becomes of its answers. */
import type { RequestListener } from 'node:http'
import { isScope } from '@breeze/contract/governance'
import type Provider from 'oidc-provider'
import { isDatabaseAway } from '../kernel/database-away.ts'
import { hashToken } from '../identity/tokens.ts'
import type { Environment } from '../kernel/context.ts'
import type { Db } from '../kernel/db.ts'
import { type Exchange, exchanges, newExchange, redeem, type Redemption } from './exchange.ts'
import type { GrantFacts, Grants } from './grants.ts'
import { askInProcess, type InnerAnswer, type InnerRequest } from './in-process.ts'
import { keptAnswer, openAnswer, type SealedAnswer, sealAnswer } from './replay.ts'
import type { Resources } from './resources.ts'
import { AUTHORIZE_PATH, CONSENT_PAGE, REVOKE_PATH, TOKEN_PATH } from './settings.ts'

/** More than once in a request means that two readers of it would see two requests. */
const MAY_REPEAT: ReadonlySet<string> = new Set(['resource'])

export interface AuthorizationServerParts {
  issuer: string
  provider: Provider
  resources: Resources
  grants: Pick<Grants, 'revoke'>
  db: Db
  pepper: Buffer
  environment: Environment
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
    // The library knows more ways to answer than we offer; this is none of them.
    if ((params.get('response_mode') ?? 'query') !== 'query') params.set('response_mode', 'unsupported')
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
    const redemption: Redemption = { used: null, made: [] }
    const exchange = newExchange('reuse', redemption)
    const answer = await this.#ask({ method: 'POST', url: TOKEN_PATH, headers, body: params.toString() }, exchange)
    const refresh = refreshOf(params)
    if (exchange.earlier && refresh) return repeated(exchange.earlier, refresh)
    if (answer.status !== 200) return answer
    const retried = refresh && sealAnswer(refresh.token, refresh.clientId, answer.body)
    const { db, environment } = this.#parts
    if (await redeem(db, redemption, retried, environment.now())) return answer
    return refresh ? this.#firstAnswer(refresh) : this.#usedTwice(redemption)
  }

  revoke(form: string, headers: Record<string, string>): Promise<InnerAnswer> {
    return this.#ask({ method: 'POST', url: REVOKE_PATH, headers, body: form }, 'client')
  }

  /** Another request was faster by a moment. */
  async #firstAnswer(refresh: Refresh): Promise<InnerAnswer> {
    const { db, pepper, environment } = this.#parts
    const first = await keptAnswer(db, hashToken(refresh.token, pepper), environment.now())
    return first ? repeated(first, refresh) : invalidGrant()
  }

  /** Two bring the same code: at most one of them is whom it was given to. */
  async #usedTwice({ made }: Redemption): Promise<InnerAnswer> {
    const grantId = made.find((row) => row.grantId !== null)?.grantId
    const gone = grantId && (await this.#parts.grants.revoke(grantId, 'reuse', null))
    if (gone) await this.#parts.ended(gone, 'reuse')
    return invalidGrant()
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
    if (failure === null || exchange.earlier) return answer
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

interface Refresh {
  token: string
  clientId: string
}

function refreshOf(params: URLSearchParams): Refresh | null {
  const [token, clientId] = [params.get('refresh_token'), params.get('client_id')]
  return params.get('grant_type') === 'refresh_token' && token !== null && clientId !== null
    ? { token, clientId }
    : null
}

const repeated = (earlier: SealedAnswer, { token, clientId }: Refresh): InnerAnswer =>
  earlier.clientId === clientId ? { ...json(200, {}), body: openAnswer(token, earlier) } : invalidGrant()

const invalidGrant = (): InnerAnswer =>
  json(400, { error: 'invalid_grant', error_description: 'grant request is invalid' })

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
