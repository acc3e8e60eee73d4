/** What the gates would say of each tool now, the rules by which calls are confirmed, and what the limits have counted. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'
import type { TierNumber } from '../../ui/tier.tsx'

export type Policy = 'client' | 'preview' | 'elicit' | 'approver'

export interface JudgedAction {
  name: string | null
  tier: TierNumber
  permission: string
  allowed: boolean
  refusal: { code: string; reason: string; remedy: string } | null
  confirmation: { policy: Policy | 'by_reach'; from: 'default' | 'partner' | 'organization' | 'fixed' } | null
}

export interface JudgedTool {
  name: string
  title: string
  area: string
  surfaces: string[]
  actions: JudgedAction[]
}

export interface Rule {
  from: 'partner' | 'organization'
  area: string | null
  tier: 2 | 3 | null
  tool: string | null
  policy: Policy
}

export interface ApprovalTerms {
  approval_limit: number
  approval_hours: number
  requester_may_decide: boolean
  /** 0: off. */
  untrusted_minutes: number
}

export type JudgedOrganization = ApprovalTerms & { id: string; name: string; assistants_enabled: boolean }

export interface LimitCount {
  limit: 'messages' | 'streams_opened' | 'streams_open' | 'acts'
  credential: { kind: 'api_key' | 'oauth_grant'; id: string; name: string; user: string | null }
  tool: string | null
  used: number
  most: number
  seconds_left: number | null
}

export interface RiskEngine {
  seen_by: { kind: 'assistant' | 'self' | 'credential'; name: string; user: string }
  organization: JudgedOrganization | null
  tools: JudgedTool[]
  policies: Rule[]
  server: {
    environment: 'production' | 'development'
    /** Null: every high-impact tool. */
    execute_allow_list: string[] | null
    high_impact_tools: number
    require_execute_admin: boolean
  }
  limits: LimitCount[]
}

export interface Question {
  organization?: string
  seen_by?: 'assistant' | 'self'
  credential?: string
}

export const riskEngine = (question: Question) =>
  queryOptions({
    queryKey: ['get_risk_engine', question],
    queryFn: () => api.tool<RiskEngine>('get_risk_engine', question),
    retry: false,
  })

export interface AuditEntry {
  id: string
  at: string
  kind: string
  actor: string | null
  credential: string | null
  client: string | null
  organization: string | null
  tool: string | null
  action: string | null
  code: string | null
  reason: string | null
}

export interface AuditPage extends ListPage {
  entries: AuditEntry[]
}

export const denials = (since: string) => toolList<AuditPage>('query_audit_log', { decision: 'denied', since })

export interface NewRule {
  policy: Policy | 'default'
  organization?: string
  area?: string
  tier?: 2 | 3
  tool?: string
}

export const useSetRule = (onDone: () => void) =>
  useToolAct<NewRule, { policy: string }>('set_confirmation_policy', {
    refresh: ['get_risk_engine'],
    said: ({ policy }) => (policy === 'default' ? 'Rule removed' : 'Rule saved'),
    onDone,
  })

export const useSetTerms = (onDone: () => void) =>
  useToolAct<{ organization: string } & Partial<ApprovalTerms>, { name: string }>('update_organization', {
    refresh: ['get_risk_engine', 'list_organizations'],
    said: ({ name }) => `Approvals of ${name} changed`,
    onDone,
  })
