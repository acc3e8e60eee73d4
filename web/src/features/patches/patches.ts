/** What the pages know of patches: the shapes of the tools' answers. */
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'
import type { ProgressPart } from '../../ui/progress-bar.tsx'

export interface PatchCounts {
  devices: number
  up_to_date: number
  missing: number
  failed: number
  unknown: number
}

export interface LackingUpdate {
  name: string
  article: string | null
  devices: number
  security: boolean | null
  severity: string | null
  released_on: string | null
  first_seen_at: string
}

export interface PatchDevice {
  id: string
  name: string
  organization: string
  site: string
  state: string
  /** Null: nobody knows. */
  missing: number | null
  updates: string[]
  failures?: { update: string; at: string; reason: string | null }[]
  failed_deployment?: { operation: string; at: string; reason: string }
  reason?: string
  reboot_pending_since?: string
}

export interface PatchGroup extends PatchCounts {
  id: string
  name: string
  patched_percent: number | null
}

export interface PatchPage extends ListPage {
  counts: PatchCounts
  patched_percent: number | null
  updates: LackingUpdate[]
  devices: PatchDevice[]
  groups?: PatchGroup[]
}

export interface PatchRule {
  id: string
  name: string
  organization: { id: string; name: string | null } | null
  decision: 'approve' | 'block'
  match: RuleMatch
  delay_days: number
}
export interface RuleMatch {
  names?: string[]
  articles?: string[]
  severities?: string[]
  classification?: 'security' | 'other'
}
export interface RulePage extends ListPage {
  rules: PatchRule[]
}

export const VIEWS = ['devices', 'updates', 'organizations', 'groups', 'rules'] as const
export type View = (typeof VIEWS)[number]
export const KINDS = ['security', 'critical', 'high', 'medium', 'low'] as const
export type Kind = (typeof KINDS)[number]

export interface PatchSearch {
  /** Devices, where none is said. */
  view?: View
  /** Only updates of this kind count as missing. */
  kind?: Kind
}

export function readPatchSearch(search: Record<string, unknown>): PatchSearch {
  const view = VIEWS.find((known) => known === search['view'])
  const kind = KINDS.find((known) => known === search['kind'])
  return { ...(view && view !== 'devices' && { view }), ...(kind && { kind }) }
}

const GROUPINGS: Readonly<Record<Exclude<View, 'rules'>, string>> = {
  devices: 'device',
  updates: 'update',
  organizations: 'organization',
  groups: 'group',
}

export const patchStatus = ({ view = 'devices', kind }: PatchSearch, organization: string | undefined) =>
  toolList<PatchPage>('get_patch_status', {
    group_by: GROUPINGS[view === 'rules' ? 'devices' : view],
    ...(kind && { severity: kind }),
    ...(organization && { organization }),
  })

export const patchRules = () => toolList<RulePage>('list_patch_rules')

export const useManageRule = (said: string, onDone: () => void) =>
  useToolAct<object, { rule: PatchRule }>('manage_patch_rules', {
    refresh: ['list_patch_rules'],
    said: ({ rule }) => `${rule.name} ${said}`,
    onDone,
  })

export const partsOf = (counts: PatchCounts): ProgressPart[] => [
  { tone: 'succeeded', count: counts.up_to_date, said: 'up to date' },
  { tone: 'failed', count: counts.failed, said: 'failed' },
  { tone: 'going', count: counts.missing, said: 'lack updates' },
  { tone: 'left', count: counts.unknown, said: 'unknown' },
]

/** "security updates named open*": which ones a rule is about. */
export function matchText({ names, articles, severities, classification }: RuleMatch): string {
  const parts = [
    classification === 'security' && 'for security',
    classification === 'other' && 'not for security',
    severities && `rated ${severities.join(' or ')}`,
    names && `named ${names.join(' or ')}`,
    articles?.join(' or '),
  ].filter(Boolean)
  return parts.length === 0 ? 'Every update' : `Updates ${parts.join(', ')}`
}
