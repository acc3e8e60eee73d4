/** A kernel and an authenticator in memory, and the real HTTP application over them on a real socket. */
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Area, Denial, Scope, Surface } from '@breeze/contract/governance'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { type HttpApp, createHttpApp } from '../../src/adapters/http/app.ts'
import { createMetrics } from '../../src/adapters/http/metrics.ts'
import type { HttpDeps, Limits } from '../../src/adapters/http/types.ts'
import type { Authenticator, Identity, PresentedCredential } from '../../src/identity/authenticate.ts'
import type { Caller, Credential } from '../../src/kernel/caller.ts'
import type { InvokeOptions, Kernel, ListedTool, Listing, ListingFilter, Outcome } from '../../src/kernel/kernel.ts'

export interface Invocation {
  caller: Caller
  tool: string
  input: unknown
  surface: Surface
  signal: AbortSignal | undefined
}

type Behaviour = (input: Record<string, unknown>, options: InvokeOptions) => Outcome | Promise<Outcome>

interface DoubleTool {
  area: Area
  pure: boolean
  scope: Scope
  behave: Behaviour
}

const refused = (denial: Denial): Outcome => ({ status: 'refused', denial, auditEntry: 'audit-refused' })

const TOOLS: Record<string, DoubleTool> = {
  list_devices: {
    area: 'devices',
    pure: true,
    scope: 'ai:read',
    behave: () => ({
      status: 'done',
      text: '1 device',
      data: { devices: [{ name: 'WS-01' }], total: 1 },
      auditEntry: null,
    }),
  },
  acknowledge_alerts: {
    area: 'alerts',
    pure: true,
    scope: 'ai:write',
    behave: () => ({
      status: 'done',
      text: 'Acknowledged 2 alerts.',
      data: { acknowledged: 2 },
      auditEntry: 'audit-write',
    }),
  },
  manage_alerts: {
    area: 'alerts',
    pure: false,
    scope: 'ai:read',
    behave: () =>
      refused({ code: 'not_found', reason: 'No alert "x" is visible to you.', remedy: 'List what you can see.' }),
  },
  device_actions: {
    area: 'devices',
    pure: true,
    scope: 'ai:execute',
    behave: () => ({
      status: 'held',
      text: 'Would reboot 2 devices.',
      hold: {
        state: 'confirmation_required',
        operation: 'operation-1',
        plan: {
          summary: 'Reboot 2 devices.',
          blast_radius: { devices: 2, sites: 1, organizations: 1, servers: 0, names: ['WS-01', 'WS-02'] },
          irreversible: [],
          warnings: [],
        },
        confirmation: { token: 'token-1', expires_at: '2026-11-21T12:00:00Z' },
      },
      auditEntry: 'audit-held',
    }),
  },
  run_script: {
    area: 'scripts',
    pure: true,
    scope: 'ai:read',
    behave: async (input, { signal }) => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Number(input['seconds'] ?? 20) * 1000)
        signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          resolve()
        })
      })
      return { status: 'done', text: 'The script goes on.', data: { run: 'run-1' }, auditEntry: 'audit-script' }
    },
  },
}

/** As strict as the kernel's own for tools that only read: whatever else a client gets must fit as well. */
const STRICT = {
  type: 'object',
  properties: { devices: { type: 'array' }, total: { type: 'integer' } },
  required: ['devices', 'total'],
  additionalProperties: false,
}
const ACTING = { type: 'object', properties: { state: { type: 'string' } } }

export class KernelDouble implements Kernel {
  readonly invocations: Invocation[] = []
  readonly throttles: { limit: string; retryAfterSeconds: number }[] = []
  /** Throws, which a kernel never does. */
  broken = false

  list(_caller: Caller, _surface: Surface, filter: ListingFilter = {}): Listing {
    if (this.broken) throw new Error('select secret from /srv/keys')
    const names = Object.entries(TOOLS)
      .filter(([, tool]) => (!filter.areas || filter.areas.includes(tool.area)) && (!filter.pure || tool.pure))
      .map(([name]) => name)
    return { tools: names.map(listed), signature: names.join(',') }
  }

  missingScope(caller: Caller, name: string): Scope | null {
    const tool = TOOLS[name]
    return tool && caller.scopes !== 'all' && !caller.scopes.has(tool.scope) ? tool.scope : null
  }

  async invoke(caller: Caller, name: string, input: unknown, options: InvokeOptions): Promise<Outcome> {
    this.invocations.push({ caller, tool: name, input, surface: options.surface, signal: options.signal })
    if (this.broken) throw new Error('select secret from /srv/keys')
    const tool = TOOLS[name]
    if (!tool) return refused({ code: 'unknown_tool', reason: `There is no tool ${name}.`, remedy: 'List the tools.' })
    const scope = this.missingScope(caller, name)
    if (scope) {
      const reason = `This needs the scope ${scope}.`
      return refused({ code: 'insufficient_scope', reason, remedy: 'Use another credential.', required_scope: scope })
    }
    if (typeof input !== 'object' || input === null || Array.isArray(input) || 'limit' in input) {
      return refused({ code: 'invalid_input', reason: 'limit: expected a number', remedy: 'Correct the named fields.' })
    }
    return tool.behave(input as Record<string, unknown>, options)
  }

  async follow(_caller: Caller, operation: string): ReturnType<Kernel['follow']> {
    const denial: Denial = { code: 'not_found', reason: `No operation "${operation}".`, remedy: 'None.' }
    return { status: 'refused', denial, auditEntry: 'audit-refused' }
  }

  throttled(_caller: Caller, limit: string, retryAfterSeconds: number): void {
    this.throttles.push({ limit, retryAfterSeconds })
  }
}

function listed(name: string): ListedTool {
  const hints = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }
  return {
    name,
    title: name,
    description: `Does ${name}.`,
    inputSchema: { type: 'object', properties: {} },
    outputSchema: name === 'list_devices' ? STRICT : ACTING,
    annotations: { title: name, ...hints },
  }
}

export const KEYS = {
  technician: 'brz_technician',
  reader: 'brz_reader',
  other: 'brz_other',
  granted: 'oauth-access-token',
  operator: 'brzop_local',
} as const

const IDENTITIES: Record<string, Identity> = {
  [KEYS.technician]: identity('user-1', { kind: 'api_key', id: 'key-1', name: 'technician' }, [
    'ai:read',
    'ai:write',
    'ai:execute',
  ]),
  [KEYS.reader]: identity('user-1', { kind: 'api_key', id: 'key-2', name: 'reader' }, ['ai:read']),
  [KEYS.other]: identity('user-2', { kind: 'api_key', id: 'key-3', name: 'other' }, [
    'ai:read',
    'ai:write',
    'ai:execute',
  ]),
  [KEYS.granted]: identity('user-3', { kind: 'oauth_grant', id: 'grant-1', name: 'Claude' }, ['ai:read']),
  [KEYS.operator]: identity('user-4', { kind: 'operator', id: 'operator', name: 'operator' }, 'all'),
}

function identity(userId: string, credential: Credential, scopes: string[] | 'all'): Identity {
  return {
    user: { id: userId, name: userId, kind: 'person' },
    partnerId: 'partner-1',
    credential,
    ip: '127.0.0.1',
    scopes: scopes === 'all' ? 'all' : new Set(scopes),
    elevations: [],
    actingBy: [],
    admin: false,
    partner: null,
    organizations: new Map(),
    stopped: null,
    expiresAt: null,
    lastUsedAt: null,
  }
}

export class AuthenticatorDouble implements Authenticator {
  readonly #listeners = new Set<(credentialId: string) => void>()
  readonly #gone = new Set<string>()
  readonly #expiries = new Map<string, Date>()
  lookups = 0
  /** The database does not answer. */
  broken = false

  async authenticate(presented: PresentedCredential): Promise<Identity | null> {
    this.lookups++
    if (this.broken) throw new Error('connection refused')
    const token = presented.apiKey ?? presented.authorization?.replace(/^Bearer /, '') ?? ''
    const found = IDENTITIES[token]
    if (!found || this.#gone.has(found.credential.id)) return null
    const expiresAt = this.#expiries.get(found.credential.id) ?? null
    return expiresAt && expiresAt <= new Date() ? null : { ...found, expiresAt, ip: presented.ip }
  }

  onRevoked(listener: (credentialId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  revoke(credentialId: string): void {
    this.#gone.add(credentialId)
    for (const listener of this.#listeners) listener(credentialId)
  }

  expireAt(credentialId: string, at: Date): void {
    this.#expiries.set(credentialId, at)
  }
}

export interface Running {
  origin: string
  url: string
  http: HttpApp
  kernel: KernelDouble
  authenticator: AuthenticatorDouble
  close(): Promise<void>
}

export interface DoubleOptions {
  limits?: Partial<Limits>
  ready?: () => Promise<boolean>
  config?: Partial<HttpDeps['config']>
}

const LIMITS: Limits = { messagesPerMinute: 10_000, sseConnectionsPerMinute: 1_000, sseSessions: 100 }

export async function startDouble(options: DoubleOptions = {}): Promise<Running> {
  const kernel = new KernelDouble()
  const authenticator = new AuthenticatorDouble()
  const http = createHttpApp(depsOf(kernel, authenticator, options))
  const { origin, server } = await listen(http.app.fetch)
  return {
    origin,
    url: `${origin}/api/v1/mcp`,
    http,
    kernel,
    authenticator,
    async close() {
      await http.close()
      server.close()
      if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
        server.closeAllConnections()
    },
  }
}

export function depsOf(kernel: Kernel, authenticator: Authenticator, options: DoubleOptions = {}): HttpDeps {
  return {
    kernel,
    authenticator,
    config: {
      publicUrl: 'http://127.0.0.1:7777',
      host: '127.0.0.1',
      port: 0,
      trustedProxies: [],
      limits: { ...LIMITS, ...options.limits },
      oauthEnabled: false,
      ...options.config,
    },
    ready: options.ready ?? (async () => true),
    metrics: createMetrics(new Registry()),
    log: pino({ level: 'silent' }),
    version: '0.0.0-test',
  }
}

export async function listen(fetch: HttpApp['app']['fetch']): Promise<{ origin: string; server: Server }> {
  const server = createAdaptorServer({ fetch: (request, env) => fetch(request, env) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, server: server as Server }
}
