/** Who is calling: an authenticated principal with its rights as they are now. Made by identity, read by the gates. */
import type { Channel, Permission } from '@breeze/contract/governance'

export type Credential =
  | { kind: 'api_key'; id: string; name: string }
  | { kind: 'oauth_grant'; id: string; name: string }
  | { kind: 'session'; id: string; name: string }
  /** The 0600 token on the server's own machine. */
  | { kind: 'operator'; id: string; name: string }
  /** A stored act, or the server itself. */
  | { kind: 'system'; id: string; name: string }

/** Keys and grants: what GOV-4 and GOV-5 restrict. */
export function isDelegated(credential: Credential): boolean {
  return credential.kind === 'api_key' || credential.kind === 'oauth_grant'
}

/** A scope that a person granted to this credential beside its own: at one organization, until its end. */
export interface Elevation {
  id: string
  scope: string
  organizationId: string
  endsAt: Date
}

/** What the gates go by. Never what a credential may hand on: that outlives an elevation. */
export function openedScopes({ scopes, actingBy }: Caller): ReadonlySet<string> | 'all' {
  return scopes === 'all' || actingBy.length === 0
    ? scopes
    : new Set([...scopes, ...actingBy.map(({ scope }) => scope)])
}

export interface OrganizationAccess {
  id: string
  name: string
  /** One per role held here. They are kept apart: a role for one site must not lend its permissions to another's. */
  grants: readonly { permissions: ReadonlySet<Permission>; sites: 'all' | readonly string[]; admin: boolean }[]
  /** An emergency stop holds here: tiers 2–3 are refused. */
  stopped: boolean
  /** Most devices one call may touch before a second person must approve. */
  approvalLimit: number
}

export interface Caller {
  user: { id: string; name: string; kind: 'person' | 'service' }
  partnerId: string
  credential: Credential
  channel: Channel
  /** The program that speaks for the user, as it names itself: "claude-code 2.1.237". Not trusted, only recorded. */
  client: string | null
  ip: string | null
  /** `all` for people at the console and the operator, whom only their role bounds. */
  scopes: ReadonlySet<string> | 'all'
  /** In force now. */
  elevations: readonly Elevation[]
  /** Those by which this call is let in, and which bound its reach; empty where the credential's own scopes are enough. */
  actingBy: readonly Elevation[]
  /** Holds an admin role now (what `ai:execute_admin` depends on). */
  admin: boolean
  /** Rights at the partner's level, beside those in each organization; null for an organization's own users. */
  partner: { permissions: ReadonlySet<Permission> } | null
  organizations: ReadonlyMap<string, OrganizationAccess>
  /** The reason of an emergency stop on everything or on this credential. */
  stopped: string | null
  /** When the credential ends by itself; streams opened with it end then too. */
  expiresAt: Date | null
  /** When this credential was last used before this session of calls, which have less than half an hour between them. */
  lastUsedAt: string | null
}

/** What the database lets a transaction see; becomes the settings that row-level security reads. */
export interface RowAccess {
  partnerId: string
  /** Sees rows that belong to the partner and to no organization. */
  partnerWide: boolean
  /** Organizations seen whole. */
  whole: readonly string[]
  /** Organizations of which only `sites` are seen. */
  limited: readonly string[]
  sites: readonly string[]
}

/** The part of a caller's reach in which they hold a permission; with `adminOnly`, by an administrator's role. */
export function rowAccess(caller: Caller, permission: Permission, adminOnly = false): RowAccess {
  const whole: string[] = []
  const limited: string[] = []
  const sites: string[] = []
  for (const organization of caller.organizations.values()) {
    const grants = organization.grants.filter(
      (grant) => grant.permissions.has(permission) && (grant.admin || !adminOnly),
    )
    if (grants.length === 0) continue
    if (grants.some((grant) => grant.sites === 'all')) whole.push(organization.id)
    else {
      limited.push(organization.id)
      for (const grant of grants) if (grant.sites !== 'all') sites.push(...grant.sites)
    }
  }
  return {
    partnerId: caller.partnerId,
    partnerWide: caller.partner?.permissions.has(permission) ?? false,
    whole,
    limited,
    sites,
  }
}

/** Whether a permission beside the call's own is held at a place: part of an answer may need it. */
export function holdsAt(
  caller: Pick<Caller, 'organizations'>,
  permission: Permission,
  place: { organizationId: string; siteId: string },
): boolean {
  const grants = caller.organizations.get(place.organizationId)?.grants ?? []
  return grants.some(
    ({ permissions, sites }) => permissions.has(permission) && (sites === 'all' || sites.includes(place.siteId)),
  )
}

export const seesNothing = (access: RowAccess): boolean =>
  !access.partnerWide && access.whole.length === 0 && access.limited.length === 0

const FEW = 3

/** Their ids where they are few, so that a query finds their rows by index; else undefined, as in "no filter". */
export const fewOrganizations = ({ organizations }: Caller): string[] | undefined =>
  organizations.size <= FEW ? [...organizations.keys()] : undefined

/**
 * Of what was read with one permission, the organizations where another one may be read as well: whoever holds the first by
 * several roles must hold the second by each of them.
 */
export function organizationsAlso(caller: Caller, shown: Permission, also: Permission): ReadonlySet<string> {
  const allowed = [...caller.organizations.values()].filter(({ grants }) => {
    const showing = grants.filter(({ permissions }) => permissions.has(shown))
    return showing.length > 0 && showing.every(({ permissions }) => permissions.has(also))
  })
  return new Set(allowed.map(({ id }) => id))
}
