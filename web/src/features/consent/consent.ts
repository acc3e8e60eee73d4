/** What the authorization server says of a request for access, and what the person makes of it. */
import { clientLabel } from '../../ui/client-label.ts'
import type { TierNumber } from '../../ui/tier.tsx'

export interface ConsentScope {
  scope: string
  label: string
  level: string
  tools: { name: string; title: string; tier: TierNumber }[]
  granted_by_default: boolean
  grantable: boolean
  /** Why it can not be granted. */
  reason?: string
  high_impact: boolean
}

export interface ConsentRequest {
  client: { id: string; name: string; verified: boolean; host: string | null; first_party: boolean }
  redirect: { host: string; loopback: boolean; scheme: string }
  user: { name: string; email: string }
  organizations: { id: string; name: string }[]
  all_organizations_allowed: boolean
  scopes: ConsentScope[]
  expires_at: string
  warnings: string[]
  mcp_write: boolean
  /** A grant that this person gave this client before; this one comes beside it. */
  before: { scopes: string[]; organizations: { id: string; name: string }[] | null; created_at: string } | null
  /** Goes back with the decision: it is made on what was shown here. */
  seen: string
}

export interface Choice {
  scopes: ReadonlySet<string>
  all: boolean
  organizations: ReadonlySet<string>
}

/** High impact is never ticked for the person. One organization needs no choice; an earlier grant's are proposed again. */
export function firstChoice(request: ConsentRequest): Choice {
  const scopes = request.scopes.filter((item) => item.grantable && item.granted_by_default && !item.high_impact)
  const [only, second] = request.organizations
  const offered = new Set(request.organizations.map(({ id }) => id))
  const earlier = request.before?.organizations?.map(({ id }) => id).filter((id) => offered.has(id)) ?? []
  const organizations = only && !second ? [only.id] : earlier
  return {
    scopes: new Set(scopes.map(({ scope }) => scope)),
    all: request.all_organizations_allowed && organizations.length === 0,
    organizations: new Set(organizations),
  }
}

export function withItem(set: ReadonlySet<string>, item: string, on: boolean): ReadonlySet<string> {
  const changed = new Set(set)
  if (on) changed.add(item)
  else changed.delete(item)
  return changed
}

/** What is still missing, in words; null when it can be approved. */
export function missing(choice: Choice): string | null {
  if (choice.scopes.size === 0) return 'Tick what it may do, or deny.'
  if (!choice.all && choice.organizations.size === 0) return 'Tick an organization, or deny.'
  return null
}

/** The choice as one sentence, which follows every tick. */
export function sentence(request: ConsentRequest, choice: Choice): string {
  const ticked = request.scopes.filter(({ scope }) => choice.scopes.has(scope))
  const writes = ticked.some(({ level }) => level !== 'read')
  const executes = ticked.some((item) => item.high_impact)
  const name = clientLabel(request.client)
  const does = executes ? 'read, write and change devices' : writes ? 'read and write' : 'only read'
  const where = places(request, choice)
  return does === 'only read' ? `${name} will only read, in ${where}.` : `${name} will ${does} in ${where}.`
}

const NAMED = 3

function places(request: ConsentRequest, choice: Choice): string {
  if (choice.all) return 'every organization that you reach'
  const names = request.organizations.filter(({ id }) => choice.organizations.has(id)).map(({ name }) => name)
  const shown = names.length > NAMED ? [...names.slice(0, NAMED - 1), `${names.length - NAMED + 1} others`] : names
  const last = shown.pop() ?? ''
  return shown.length === 0 ? last : `${shown.join(', ')} and ${last}`
}
