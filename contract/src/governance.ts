/**
 * The words of governance that server, console and CLI share: tiers, levels, areas, scopes, permissions, denial codes.
 */

/** 1 read · 2 low-risk write, runs at once · 3 high impact, confirmed · 4 never, whatever the credential. */
export type Tier = 1 | 2 | 3 | 4

export const LEVELS = ['read', 'write', 'execute'] as const
/** What a scope opens: `read` tier 1, `write` tiers 1–2, `execute` tiers 1–3. */
export type Level = (typeof LEVELS)[number]

const LEVEL_TIER: Record<Level, 1 | 2 | 3> = { read: 1, write: 2, execute: 3 }
export const tierOfLevel = (level: Level): 1 | 2 | 3 => LEVEL_TIER[level]
export const levelOfTier = (tier: 1 | 2 | 3): Level => (tier === 1 ? 'read' : tier === 2 ? 'write' : 'execute')

/** The areas `ai:*` opens. An area added later must be asked for by its own name. */
export const CORE_AREAS = [
  'account',
  'alerts',
  'audit',
  'compliance',
  'devices',
  'documentation',
  'fleet',
  'operations',
  'patches',
  'reports',
  'scripts',
  'search',
] as const
/** Areas that only their own scopes open. */
export const OWN_SCOPE_AREAS = ['administration'] as const
export const AREAS = [...CORE_AREAS, ...OWN_SCOPE_AREAS] as const
export type Area = (typeof AREAS)[number]

export const EXECUTE_ADMIN = 'ai:execute_admin'
export type Scope = `ai:${Level}` | `${Area}.${Level}` | typeof EXECUTE_ADMIN

const core: ReadonlySet<string> = new Set(CORE_AREAS)
export const isCoreArea = (area: Area): boolean => core.has(area)

export const ALL_SCOPES: readonly Scope[] = [
  ...LEVELS.map((level) => `ai:${level}` as const),
  EXECUTE_ADMIN,
  ...AREAS.flatMap((area) => LEVELS.map((level) => `${area}.${level}` as const)),
]
const known: ReadonlySet<string> = new Set(ALL_SCOPES)
export const isScope = (value: string): value is Scope => known.has(value)

/** The highest tier these scopes open in an area; 0 opens nothing. Levels are cumulative. */
export function tierOpened(scopes: ReadonlySet<string>, area: Area): 0 | 1 | 2 | 3 {
  for (const level of ['execute', 'write', 'read'] as const) {
    if (scopes.has(`${area}.${level}`) || (isCoreArea(area) && scopes.has(`ai:${level}`))) return tierOfLevel(level)
  }
  return 0
}

/** The scope to ask for when a call of this tier in this area is refused. */
export function scopeFor(area: Area, tier: 1 | 2 | 3): Scope {
  const level = levelOfTier(tier)
  return isCoreArea(area) ? `ai:${level}` : `${area}.${level}`
}

/** What a role may do. A permission is checked per organization; roles are rows of data made of these. */
export const PERMISSIONS = [
  'devices.read',
  'devices.write',
  'devices.execute',
  'alerts.read',
  'alerts.write',
  'monitoring.read',
  'monitoring.write',
  'patches.read',
  'patches.write',
  'patches.execute',
  'compliance.read',
  'compliance.write',
  'scripts.read',
  'scripts.execute',
  'scripts.write',
  'operations.read',
  'operations.write',
  'approvals.write',
  'audit.read',
  'organizations.read',
  'organizations.write',
  'users.read',
  'users.write',
  'keys.read',
  'keys.write',
  'enrollment.write',
  'governance.read',
  'governance.write',
  'mcp.write',
] as const
export type Permission = (typeof PERMISSIONS)[number]

export const SURFACES = ['mcp', 'rest', 'console', 'cli'] as const
export type Surface = (typeof SURFACES)[number]

/** Where a call came in. */
export const CHANNELS = ['mcp', 'rest', 'console', 'cli', 'schedule', 'system'] as const
export type Channel = (typeof CHANNELS)[number]

/** Ordered from lenient to strict: where several organizations are touched, the strictest of them decides. */
export const CONFIRMATION_POLICIES = ['client', 'preview', 'elicit', 'approver'] as const
export type ConfirmationPolicy = (typeof CONFIRMATION_POLICIES)[number]

/** Stable codes of refusals and failures; clients and scripts switch on them. */
export const ERROR_CODES = [
  'unauthenticated',
  'unknown_tool',
  'invalid_input',
  'blocked',
  'insufficient_scope',
  'forbidden',
  'not_allow_listed',
  'execute_admin_required',
  'emergency_stop',
  'not_found',
  'ambiguous',
  'rate_limited',
  'confirmation_invalid',
  'confirmation_expired',
  'declined',
  'conflict',
  'unsupported',
  'unavailable',
  'internal',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** A refusal or failure as its caller reads it. */
export interface Denial {
  code: ErrorCode
  reason: string
  /** What to do about it. */
  remedy: string
  required_scope?: Scope
  retry_after_seconds?: number
  /** For `ambiguous`: the things the name could mean. */
  candidates?: { id: string; name: string; detail?: string }[]
}
