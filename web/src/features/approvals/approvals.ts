/** What the pages know of calls that a second person decides about. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'
import type { TierNumber } from '../../ui/tier.tsx'

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'reported' | 'expired' | 'cancelled'

export interface Approval {
  operation: string
  state: ApprovalState
  tool: string
  action: string | null
  tier: TierNumber
  summary: string
  organizations: { id: string; name: string }[]
  requested_by: { id: string; name: string }
  credential: { kind: string; name: string }
  channel: string
  client: string | null
  because: 'policy' | 'untrusted_text'
  requested_at: string
  expires_at: string
  plan: {
    summary: string
    blast_radius: { devices: number; sites: number; organizations: number; servers: number; names: string[] }
    irreversible: string[]
    warnings: string[]
  }
  decision: { by: string; at: string; reason: string | null } | null
  result: { state: string; code: string; text: string } | null
}

/** Asked for by its id. */
export interface WholeApproval extends Approval {
  input: string
  may_decide: boolean
  why_not: string | null
}

export interface ApprovalPage extends ListPage {
  approvals: Approval[]
}

const REFRESH_MS = 10_000

export const approvals = (filter: { state: readonly ApprovalState[]; organization?: string }) => ({
  ...toolList<ApprovalPage>('list_approvals', filter),
  refetchInterval: REFRESH_MS,
})

/** `link`: of the address that led here; the server looks at it first. */
export const wholeApproval = (id: string, link: string | undefined) =>
  queryOptions({
    queryKey: ['list_approvals', 'one', id, link],
    queryFn: async () =>
      (
        await api.tool<{ approvals: WholeApproval[] }>('list_approvals', {
          approval: id,
          ...(link !== undefined && { link }),
        })
      ).approvals[0],
    retry: false,
  })

export interface Decision {
  approval: string
  decision: 'approve' | 'deny' | 'report'
  reason?: string
}

export const useDecide = (onDone: () => void) =>
  useToolAct<Decision, { approval: Approval }>('decide_approval', {
    refresh: ['list_approvals'],
    said: ({ approval }) => said(approval),
    onDone,
  })

function said(approval: Approval): string {
  if (approval.state === 'denied') return 'Denied. Whoever asked reads why.'
  if (approval.state === 'reported') return 'Reported. The credential that asked opens nothing any more.'
  const { result } = approval
  return result && result.code !== 'done'
    ? 'Approved, but it was refused when it came to run.'
    : 'Approved. It runs now.'
}

export const STATE_WORDS: Readonly<Record<ApprovalState, string>> = {
  pending: 'Waits',
  approved: 'Approved',
  denied: 'Denied',
  reported: 'Reported',
  expired: 'Expired',
  cancelled: 'Cancelled',
}

/** Through which program and with what. */
export const through = ({ client, channel, credential }: Approval): string =>
  `${client ?? channel}, ${credential.kind.replaceAll('_', ' ')} “${credential.name}”`
