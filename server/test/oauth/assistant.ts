/** The official client as an assistant, and the browser of the person who connects it. */
import { randomInt } from 'node:crypto'
import { hash } from '@node-rs/argon2'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'
import type { Harness } from '../harness.ts'
import { TestBrowser } from '../console/browser.ts'

export const PASSWORD = 'correct horse battery staple'
export const CALLBACK = 'http://127.0.0.1:53682/callback'

/** What is needed of a server, whether it runs in this process or in another one. */
export type World = Pick<Harness, 'sql'> & { server: Pick<Harness['server'], 'url'> }

let passwordHash: Promise<string> | undefined

/** A person with a password, signed in at the console. */
export async function signedIn(world: World, userId: string): Promise<TestBrowser> {
  passwordHash ??= hash(PASSWORD, { memoryCost: 1024, timeCost: 1 })
  await world.sql('update users set password_hash = $2 where id = $1', [userId, await passwordHash])
  const browser = new TestBrowser(world.server.url)
  const answer = await browser.post('sign-in', { email: `${userId}@example.test`, password: PASSWORD })
  if (answer.status !== 200) throw new Error(`could not sign in: ${JSON.stringify(answer.json)}`)
  return browser
}

export interface Choice {
  scopes?: string[]
  organizations?: 'all' | string[]
}

/** Opens the address, agrees on the consent page, and comes back with what the program is told. */
export async function agree(browser: TestBrowser, authorizationUrl: URL | string, choice: Choice = {}): Promise<URL> {
  const opened = await openConsent(browser, authorizationUrl)
  const decided = await approve(browser, opened, choice)
  if (decided.status !== 200) throw new Error(`consent: ${decided.status} ${JSON.stringify(decided.json)}`)
  return comeBack(browser, String(decided.json['redirect_to']))
}

export interface OpenConsent {
  uid: string
  view: Record<string, unknown>
}

/** Presses the button, with everything ticked that can be, where nothing else is chosen. */
export function approve(browser: TestBrowser, { uid, view }: OpenConsent, choice: Choice = {}) {
  const offered = view['scopes'] as { scope: string; grantable: boolean }[]
  return browser.post(`consent/${uid}`, {
    decision: 'approve',
    seen: view['seen'],
    scopes: choice.scopes ?? offered.filter((item) => item.grantable).map((item) => item.scope),
    organizations: choice.organizations ?? 'all',
  })
}

export const deny = (browser: TestBrowser, { uid, view }: OpenConsent) =>
  browser.post(`consent/${uid}`, { decision: 'deny', seen: view['seen'] })

export async function openConsent(browser: TestBrowser, authorizationUrl: URL | string): Promise<OpenConsent> {
  const opened = await browser.visit(String(authorizationUrl))
  const uid = /^\/consent\/([\w-]+)$/.exec(opened.location ?? '')?.[1]
  if (uid === undefined) throw new Error(`no consent page: ${opened.status} ${opened.location} ${opened.body}`)
  const view = await browser.get(`consent/${uid}`)
  if (view.status !== 200) throw new Error(`consent page: ${view.status} ${JSON.stringify(view.json)}`)
  return { uid, view: view.json }
}

export async function comeBack(browser: TestBrowser, path: string): Promise<URL> {
  const back = await browser.visit(path)
  if (back.location === null) throw new Error(`no way back: ${back.status} ${back.body}`)
  return new URL(back.location)
}

/** What the official client keeps: in memory. */
export class Assistant implements OAuthClientProvider {
  readonly redirectUrl: string
  readonly clientMetadata: OAuthClientMetadata
  clientMetadataUrl?: string
  asked: URL | null = null
  /** What it asks for next, instead of what it was told that it lacks: as the settings of a client can say. */
  scope: string | null
  #client: StoredOAuthClientInformation | undefined
  #tokens: StoredOAuthTokens | undefined
  #verifier = ''
  #discovered: OAuthDiscoveryState | undefined

  constructor(more: { metadataUrl?: string; name?: string; callback?: string; scope?: string } = {}) {
    if (more.metadataUrl !== undefined) this.clientMetadataUrl = more.metadataUrl
    this.redirectUrl = more.callback ?? CALLBACK
    this.scope = more.scope ?? null
    this.clientMetadata = { client_name: more.name ?? 'Test Assistant', redirect_uris: [this.redirectUrl] }
  }

  clientInformation() {
    return this.#client
  }

  saveClientInformation(client: StoredOAuthClientInformation) {
    this.#client = client
  }

  tokens() {
    return this.#tokens
  }

  saveTokens(tokens: StoredOAuthTokens) {
    this.#tokens = tokens
  }

  redirectToAuthorization(url: URL) {
    if (this.scope !== null) url.searchParams.set('scope', this.scope)
    this.scope = null
    this.asked = url
  }

  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier
  }

  codeVerifier() {
    return this.#verifier
  }

  saveDiscoveryState(state: OAuthDiscoveryState) {
    this.#discovered = state
  }

  discoveryState() {
    return this.#discovered
  }
}

/** Connects as a client would: is refused, sends the person away, comes back with a code. */
export async function connect(
  world: World,
  browser: TestBrowser,
  assistant = new Assistant(),
  choice: Choice = {},
  path = '/api/v1/mcp',
): Promise<Client> {
  const open = () =>
    new StreamableHTTPClientTransport(new URL(`${world.server.url}${path}`), { authProvider: assistant })
  const client = new Client({ name: 'acceptance', version: '1.0' })
  const first = open()
  try {
    await client.connect(first)
    throw new Error('nobody was asked')
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error
  }
  if (!assistant.asked) throw new Error('the client did not ask')
  await first.finishAuth((await agree(browser, assistant.asked, choice)).searchParams)
  await client.connect(open())
  return client
}

/** The exchange without a client library, for what no honest client does. */
export class RawClient {
  readonly verifier = 'a'.repeat(43)
  readonly #origin: string
  readonly clientId: string

  private constructor(origin: string, clientId: string) {
    this.#origin = origin
    this.clientId = clientId
  }

  static async register(origin: string, metadata: Record<string, unknown> = {}): Promise<RawClient> {
    const response = await register(origin, { client_name: 'Raw', redirect_uris: [CALLBACK], ...metadata })
    const body = (await response.json()) as Record<string, unknown>
    if (response.status !== 201) throw new Error(JSON.stringify(body))
    return new RawClient(origin, String(body['client_id']))
  }

  static as(origin: string, clientId: string): RawClient {
    return new RawClient(origin, clientId)
  }

  authorizationUrl(more: Record<string, string | null> = {}): URL {
    const url = new URL('/oauth/authorize', this.#origin)
    const params = {
      client_id: this.clientId,
      response_type: 'code',
      redirect_uri: CALLBACK,
      code_challenge: 'ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA',
      code_challenge_method: 'S256',
      state: 'xyz',
      scope: 'ai:read',
      resource: `${this.#origin}/api/v1/mcp`,
      ...more,
    }
    for (const [name, value] of Object.entries(params)) if (value !== null) url.searchParams.set(name, value)
    return url
  }

  post(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
    return fetch(new URL(path, this.#origin), { method: 'POST', body: new URLSearchParams(form), headers })
  }

  redeem(code: string, more: Record<string, string> = {}) {
    return this.post('/oauth/token', {
      grant_type: 'authorization_code',
      code,
      code_verifier: this.verifier,
      redirect_uri: CALLBACK,
      client_id: this.clientId,
      ...more,
    })
  }

  refresh(token: string, more: Record<string, string> = {}) {
    return this.post('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token: token,
      client_id: this.clientId,
      ...more,
    })
  }

  revoke(token: string) {
    return this.post('/oauth/revoke', { token, client_id: this.clientId })
  }
}

export const register = (origin: string, metadata: unknown) =>
  fetch(new URL('/oauth/register', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  })

export interface Tokens {
  access_token: string
  refresh_token: string
  scope: string
  expires_in: number
  token_type: string
}

export async function tokensOf(response: Response): Promise<Tokens> {
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text) as Tokens
}

/** From nothing to tokens. */
export async function authorized(world: World, browser: TestBrowser, choice: Choice = {}, scope = 'ai:read') {
  const client = await RawClient.register(world.server.url)
  const back = await agree(browser, client.authorizationUrl({ scope }), choice)
  const tokens = await tokensOf(await client.redeem(back.searchParams.get('code') ?? ''))
  return { client, tokens, back }
}

/** Whether an access token opens MCP: the status of a small request. */
export async function statusWith(origin: string, token: string, path = '/api/v1/mcp'): Promise<number> {
  const response = await fetch(new URL(path, origin), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      // Where the test's server believes it: an address of its own, since one that fails often is held up.
      'x-forwarded-for': `203.0.113.${randomInt(1, 255)}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
  })
  await response.arrayBuffer()
  return response.status
}
