/** BREEZE_OIDC_PROVIDERS: the issuers that people may sign in with. */
import { z } from 'zod'

export interface ProviderConfig {
  /** In addresses: `/api/console/sign-in/provider/<id>/callback`. */
  id: string
  name: string
  issuer: string
  clientId: string
  clientSecret: string | null
  scopes: string
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** One of them stands for every tenant: its tokens name another issuer, and anybody could make one. */
const EVERYBODY = /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations|consumers)(?:\/|$)/i

const provider = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
  name: z.string().trim().min(1).max(60),
  issuer: z
    .url()
    .refine((text) => {
      const url = new URL(text)
      return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname))
    }, 'must be https')
    .refine((text) => !EVERYBODY.test(text), 'must name your own tenant'),
  client_id: z.string().min(1).max(500),
  client_secret: z.string().min(1).max(500).optional(),
  scopes: z.string().max(200).default('openid email profile'),
})

/** Throws a sentence that repeats no value: it holds secrets. */
export function parseProviders(text: string): ProviderConfig[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error('must be a JSON list of providers')
  }
  const parsed = z.array(provider).max(10).safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(`must be a JSON list of providers; ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}`)
  }
  const ids = new Set(parsed.data.map(({ id }) => id))
  if (ids.size !== parsed.data.length) throw new Error('must give each provider an id of its own')
  return parsed.data.map((one) => ({
    id: one.id,
    name: one.name,
    issuer: one.issuer,
    clientId: one.client_id,
    clientSecret: one.client_secret ?? null,
    scopes: one.scopes,
  }))
}
