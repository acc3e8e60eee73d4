/** A small OpenID provider: discovery, keys and the token endpoint. Its person approves at once. */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'

/** What a dishonest or broken issuer changes. */
export interface Bent {
  claims?: Record<string, unknown>
  /** Signed with a key that it does not publish. */
  foreignKey?: boolean
  unsigned?: boolean
}

export interface Issuer {
  url: string
  /** From the authorization request to the address that the browser comes back to. */
  approve(authorization: string, subject: string, more?: Bent): string
  /** Who is signed in there, for a browser that comes by itself. */
  person: string
  /** Verifiers that came to the token endpoint. */
  redeemed: number
  close(): Promise<void>
}

const CLIENT = { id: 'breeze', secret: 'the secret of the client' }
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })

export const providersOf = (issuer: Issuer, id = 'local'): string =>
  JSON.stringify([
    { id, name: 'Local', issuer: issuer.url, client_id: CLIENT.id, client_secret: CLIENT.secret },
    // Nobody listens there.
    { id: 'away', name: 'Away', issuer: 'http://127.0.0.1:1', client_id: CLIENT.id },
  ])

export async function startIssuer(): Promise<Issuer> {
  const [keys, others] = [rsa(), rsa()]
  const codes = new Map<string, { query: URLSearchParams; subject: string; bent: Bent }>()
  const issuer: Issuer = {
    url: '',
    person: 'somebody',
    redeemed: 0,
    approve(authorization, subject, bent = {}) {
      const query = new URL(authorization).searchParams
      const code = randomUUID()
      codes.set(code, { query, subject, bent })
      const back = new URL(query.get('redirect_uri') ?? '')
      back.searchParams.set('code', code)
      back.searchParams.set('state', query.get('state') ?? '')
      return back.href
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
  const idToken = (query: URLSearchParams, subject: string, bent: Bent): string => {
    const now = Math.floor(Date.now() / 1000)
    const head = encode({ alg: bent.unsigned ? 'none' : 'RS256', kid: 'k' })
    const claims = {
      iss: issuer.url,
      aud: CLIENT.id,
      sub: subject,
      iat: now,
      exp: now + 300,
      nonce: query.get('nonce'),
      email: `${subject}@example.test`,
      name: 'Nia at the issuer',
    }
    const body = encode({ ...claims, ...bent.claims })
    const { privateKey } = bent.foreignKey ? others : keys
    const signature = bent.unsigned
      ? ''
      : sign('sha256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url')
    return `${head}.${body}.${signature}`
  }
  const redeem = (form: URLSearchParams): { status: number; body: unknown } => {
    const grant = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const fits =
      grant &&
      grant.query.get('code_challenge') === challenge &&
      grant.query.get('redirect_uri') === form.get('redirect_uri') &&
      form.get('client_id') === CLIENT.id &&
      form.get('client_secret') === CLIENT.secret
    if (!fits) return { status: 400, body: { error: 'invalid_grant' } }
    issuer.redeemed += 1
    const id_token = idToken(grant.query, grant.subject, grant.bent)
    return { status: 200, body: { access_token: 'unused', token_type: 'Bearer', expires_in: 60, id_token } }
  }
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (request.url === '/.well-known/openid-configuration') return answer(200, metadata(issuer.url))
    if (request.url === '/jwks')
      return answer(200, {
        keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }],
      })
    if (request.url?.startsWith('/authorize?')) {
      response.writeHead(302, { location: issuer.approve(issuer.url + request.url, issuer.person) }).end()
      return
    }
    if (request.url !== '/token') return answer(404, {})
    const redeemed = async (): Promise<void> => {
      const { status, body } = redeem(await formOf(request))
      answer(status, body)
    }
    void redeemed()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  issuer.url = `http://127.0.0.1:${address.port}`
  return issuer
}

const metadata = (url: string) => ({
  issuer: url,
  authorization_endpoint: `${url}/authorize`,
  token_endpoint: `${url}/token`,
  jwks_uri: `${url}/jwks`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  code_challenge_methods_supported: ['S256'],
})

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return new URLSearchParams(body)
}
