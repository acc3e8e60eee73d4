/** What a person may let a program do, and what they decided. */
import { AREAS, EXECUTE_ADMIN, isScope, LEVELS, type Level, type Scope, tierOpened } from '@breeze/contract/governance'
import type { Draft } from '../kernel/audit/entry.ts'
import { type Caller, rowAccess } from '../kernel/caller.ts'
import { actionSpecs, type Tool } from '../kernel/tool.ts'
import { roleUses } from '../identity/services/key-rights.ts'
import type { ClientFacts, Clients } from './clients.ts'
import type { Grants, WidestGrant } from './grants.ts'
import type { Interactions, PendingConsent } from './interactions.ts'
import { redirectFacts } from './redirects.ts'

export interface ConsentScope {
  scope: Scope
  label: string
  level: Level
  tools: { name: string; title: string; tier: number }[]
  granted_by_default: boolean
  grantable: boolean
  reason?: string
  high_impact: boolean
}

export interface ConsentView {
  client: { id: string; name: string; verified: boolean; host: string | null; first_party: boolean }
  redirect: { host: string; loopback: boolean; scheme: string }
  organizations: { id: string; name: string }[]
  all_organizations_allowed: boolean
  scopes: ConsentScope[]
  expires_at: string
  warnings: string[]
  mcp_write: boolean
  /** What this person lets this program do already; another grant comes beside it (CON-6). */
  before: EarlierGrant | null
}

export interface EarlierGrant {
  scopes: string[]
  /** Null: whatever the person reaches. */
  organizations: { id: string; name: string }[] | null
  created_at: string
}

export interface Decision {
  scopes: readonly string[]
  organizations: 'all' | readonly string[]
}

export type Decided =
  | { ok: true; goTo: string }
  | { ok: false; problem: 'forbidden' | 'invalid' | 'decided'; reason: string }

export interface ConsentsParts {
  clients: Clients
  grants: Grants
  interactions: Interactions
  tools: readonly Tool[]
  record(draft: Partial<Draft> & Pick<Draft, 'action' | 'details'>, caller: Caller): Promise<unknown>
}

export class Consents {
  readonly #parts: ConsentsParts

  constructor(parts: ConsentsParts) {
    this.#parts = parts
  }

  client(pending: PendingConsent): Promise<ClientFacts | null> {
    return this.#parts.clients.find(pending.clientId)
  }

  async view(pending: PendingConsent, client: ClientFacts, caller: Caller): Promise<ConsentView> {
    const before = await this.#parts.grants.widestOf(caller.user.id, client.id, pending.scopes)
    return { ...this.#offer(pending, client, caller), before: before && earlier(before, caller) }
  }

  #offer(pending: PendingConsent, client: ClientFacts, caller: Caller): Omit<ConsentView, 'before'> {
    const redirect = redirectFacts(pending.redirectUri)
    const organizations = connectable(caller)
    return {
      client: {
        id: client.id,
        name: client.name,
        verified: client.host !== null,
        host: client.host,
        first_party: false,
      },
      redirect,
      organizations,
      all_organizations_allowed: mayConnectAll(caller),
      scopes: pending.scopes.filter(isScope).map((scope) => this.#scope(scope, caller)),
      expires_at: pending.expiresAt.toISOString(),
      warnings: warningsOf(client, redirect),
      mcp_write: organizations.length > 0 || mayConnectAll(caller),
    }
  }

  /** Narrowed by what was asked, by what the person's role holds, and by what they ticked. */
  async approve(pending: PendingConsent, client: ClientFacts, caller: Caller, decision: Decision): Promise<Decided> {
    const view = this.#offer(pending, client, caller)
    const offered = new Set(view.scopes.filter((item) => item.grantable).map((item) => item.scope as string))
    const scopes = [...new Set(decision.scopes)]
    if (scopes.length === 0) return refused('invalid', 'Choose at least one thing that the program may do.')
    if (!scopes.every((scope) => offered.has(scope)))
      return refused('forbidden', 'That is more than was asked for or than your role holds.')
    const organizationIds = decision.organizations === 'all' ? null : [...new Set(decision.organizations)]
    if (organizationIds === null && !view.all_organizations_allowed)
      return refused('forbidden', 'Choose the organizations: your role does not reach all of them.')
    const known = new Set(view.organizations.map((item) => item.id))
    if (organizationIds !== null && (organizationIds.length === 0 || !organizationIds.every((id) => known.has(id))))
      return refused('forbidden', 'Choose among the organizations that you may connect an assistant to.')
    const { clients, grants, interactions } = this.#parts
    if (!(await interactions.claim(pending.uid))) return refused('decided', 'This was decided already.')
    await clients.used(client)
    const grantId = await grants.create({
      partnerId: caller.partnerId,
      organizationIds,
      homeOrganizationId: caller.partner === null && caller.organizations.size === 1 ? onlyId(caller) : null,
      userId: caller.user.id,
      client: { id: client.id, name: client.name, host: client.host, firstParty: false },
      redirectHost: view.redirect.host,
      scopes,
    })
    await this.#record('authorize_client', 'allowed', client, caller, {
      grant: grantId,
      scopes,
      organizations: organizationIds ?? 'all',
    })
    return { ok: true, goTo: await interactions.approve(pending.uid, caller.user.id, grantId) }
  }

  async deny(pending: PendingConsent, client: ClientFacts, caller: Caller): Promise<Decided> {
    if (!(await this.#parts.interactions.claim(pending.uid))) return refused('decided', 'This was decided already.')
    await this.#record('authorize_client', 'denied', client, caller, { scopes: pending.scopes })
    return { ok: true, goTo: await this.#parts.interactions.deny(pending.uid) }
  }

  #record(
    action: string,
    decision: 'allowed' | 'denied',
    client: ClientFacts,
    caller: Caller,
    details: Record<string, unknown>,
  ): Promise<unknown> {
    return this.#parts.record(
      { action, decision, details: { client: client.id, client_name: client.name, ...details } },
      caller,
    )
  }

  #scope(scope: Scope, caller: Caller): ConsentScope {
    const level = scope === EXECUTE_ADMIN ? 'execute' : levelOf(scope)
    const grantable = scope === EXECUTE_ADMIN ? caller.admin : canUse(caller, scope)
    return {
      scope,
      label: labelOf(scope, level),
      level,
      tools: scope === EXECUTE_ADMIN ? [] : this.#toolsOf(scope),
      granted_by_default: grantable && level !== 'execute',
      grantable,
      ...(!grantable && {
        reason: scope === EXECUTE_ADMIN ? 'Only an administrator can give this.' : 'Your role can not do this.',
      }),
      high_impact: level === 'execute',
    }
  }

  /** What this scope opens beyond the level below it: a person should see what ticking it adds. */
  #toolsOf(scope: Scope): ConsentScope['tools'] {
    const alone = new Set<string>([scope])
    const level = levelOf(scope)
    return this.#parts.tools.flatMap((tool) => {
      if (!tool.surfaces.has('mcp')) return []
      const opened = tierOpened(alone, tool.area)
      const tiers = actionSpecs(tool.actions).map((action) => action.tier)
      const tier = Math.max(...tiers.filter((one) => one <= opened), 0)
      const adds = level === 'read' ? tier === 1 : tiers.includes(opened as 1 | 2 | 3)
      return tier > 0 && adds ? [{ name: tool.name, title: tool.title, tier }] : []
    })
  }
}

const refused = (problem: 'forbidden' | 'invalid' | 'decided', reason: string): Decided => ({
  ok: false,
  problem,
  reason,
})

const earlier = (grant: WidestGrant, caller: Caller): EarlierGrant => ({
  scopes: grant.scopes,
  organizations:
    grant.organizationIds &&
    grant.organizationIds.flatMap((id) => caller.organizations.get(id) ?? []).map(({ id, name }) => ({ id, name })),
  created_at: grant.createdAt.toISOString(),
})

const onlyId = (caller: Caller): string | null => [...caller.organizations.keys()][0] ?? null

/** CON-8: connecting an assistant takes the permission mcp.write where it shall reach. */
function connectable(caller: Caller): { id: string; name: string }[] {
  const access = rowAccess(caller, 'mcp.write')
  const ids = new Set([...access.whole, ...access.limited])
  return [...caller.organizations.values()].flatMap(({ id, name }) => (ids.has(id) ? [{ id, name }] : []))
}

function mayConnectAll(caller: Caller): boolean {
  if (caller.partner !== null) return caller.partner.permissions.has('mcp.write')
  const all = [...caller.organizations.keys()]
  return all.length > 0 && connectable(caller).length === all.length
}

function canUse(caller: Caller, scope: Exclude<Scope, typeof EXECUTE_ADMIN>): boolean {
  const held = new Set(caller.partner?.permissions)
  for (const organization of caller.organizations.values()) {
    for (const grant of organization.grants) for (const permission of grant.permissions) held.add(permission)
  }
  return roleUses(held, scope)
}

const levelOf = (scope: Scope): Level => LEVELS.find((level) => scope.endsWith(level)) ?? 'execute'

const DOES: Readonly<Record<Level, string>> = {
  read: 'See',
  write: 'See and make low-risk changes in',
  execute: 'See, change and run high-impact actions in',
}

function labelOf(scope: Scope, level: Level): string {
  if (scope === EXECUTE_ADMIN) return 'Run high-impact actions that are kept to administrators'
  const area = AREAS.find((name) => scope.startsWith(`${name}.`))
  return `${DOES[level]} ${area ?? 'everything but administration'}`
}

function warningsOf(client: ClientFacts, redirect: ConsentView['redirect']): string[] {
  const warnings: string[] = []
  if (client.host === null)
    warnings.push(`Nobody has verified that this program is "${client.name}": it chose the name itself.`)
  if (redirect.loopback && client.host === null)
    warnings.push(
      'Access goes to a program on the computer in front of you. Go on only if you started this yourself just now.',
    )
  else if (redirect.loopback) warnings.push('Access goes to a program on the computer in front of you.')
  else if (redirect.scheme !== 'https')
    warnings.push(`Access goes to the app on this computer that opens ${redirect.scheme}: links.`)
  const claimed = /claude|anthropic|chatgpt|openai|copilot|microsoft|gemini|google|breeze/i.exec(client.name)?.[0]
  if (client.host === null && claimed !== undefined && !redirect.loopback)
    warnings.push(
      `It calls itself "${client.name}", and access would go to ${redirect.host}. Check that this is right.`,
    )
  return warnings
}
