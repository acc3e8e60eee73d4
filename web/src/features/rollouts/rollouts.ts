/** What the pages know of rollouts: the shapes of the tools' answers. */
import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import type { ProgressPart } from '../../ui/progress-bar.tsx'

export interface Rollout {
  operation: string
  kind: string
  state: string
  /** Why it stopped or was paused. */
  reason: string | null
  summary: string
  /** The one that goes on; null before the first. */
  stage: string | null
  stages: number
  started_by: string
  client: string | null
  devices: number
  succeeded: number
  failed: number
  created_at: string
}

export interface Stage {
  name: string
  devices: number
  succeeded: number
  failed: number
  state: string
}

export interface RolloutDevice {
  id: string
  name: string
  state: string
  reason?: string
}

export interface WholeRollout {
  operation: string
  tool: string
  state: string
  summary: string
  created_at: string
  finished_at: string | null
  devices: RolloutDevice[]
  total: number
  counts: Record<string, number>
  rollout?: {
    state: string
    reason: string | null
    stages: Stage[]
    next_at: string | null
    /** Operations: the one that it takes back, and the latest that takes it back. */
    undoes?: string
    rolled_back_by?: string
  }
}

export interface RolloutSearch {
  /** Also those that have ended. */
  all?: true
  /** Of the one that is open: its devices in this state. */
  state?: string
}

export function readRolloutSearch(search: Record<string, unknown>): RolloutSearch {
  const { all, state } = search
  return { ...(all === true && { all }), ...(typeof state === 'string' && state !== '' && { state }) }
}

/** Tools whose answers are other ones once a rollout changed. */
export const ROLLOUT_TOOLS = ['list_rollouts', 'get_operation'] as const

const MOST = 200
/** The stream of wake-ups tells sooner; behind several servers it may not. */
const ANYWAY_MS = 60_000

export const rolloutList = (all: boolean, organization: string | undefined) =>
  queryOptions({
    queryKey: ['list_rollouts', all, organization],
    queryFn: () =>
      api.tool<{ rollouts: Rollout[]; total: number }>('list_rollouts', {
        open: !all,
        limit: MOST,
        ...(organization && { organization }),
      }),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    refetchInterval: ANYWAY_MS,
    retry: false,
  })

export const wholeRollout = (operation: string) =>
  queryOptions({
    queryKey: ['get_operation', operation],
    queryFn: () => api.tool<WholeRollout>('get_operation', { operation }),
    staleTime: 10_000,
    refetchInterval: ANYWAY_MS,
    retry: false,
  })

const KINDS: Readonly<Record<string, string>> = {
  patches: 'Patches',
  scripts: 'Script',
  device_actions: 'Device action',
  agent_updates: 'Agent updates',
}
export const kindOf = ({ kind }: Pick<Rollout, 'kind'>): string => KINDS[kind] ?? kind.replaceAll('_', ' ')

export const progressOf = (of: Pick<Rollout, 'devices' | 'succeeded' | 'failed'>): ProgressPart[] => [
  { tone: 'succeeded', count: of.succeeded, said: 'succeeded' },
  { tone: 'failed', count: of.failed, said: 'failed' },
  { tone: 'left', count: of.devices - of.succeeded - of.failed, said: 'without an outcome' },
]

/** What can be done with it as it stands. */
export const mayPause = (state: string): boolean => state === 'running' || state === 'soaking'
export const mayResume = (state: string): boolean => state === 'paused' || state === 'stopped'

/** Nothing is at work, something was done, and its tool knows a way back: package managers have none. */
export function mayRollBack({ tool, counts, rollout }: WholeRollout): boolean {
  if (!rollout || mayPause(rollout.state) || rollout.undoes !== undefined) return false
  return (counts['succeeded'] ?? 0) > 0 && ['run_script', 'device_actions'].includes(tool)
}
