/** Emergency stops: what is refused now, and the acts that begin and end it. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { useToolAct } from '../../app/tool-queries.ts'

export interface Stop {
  kind: 'everything' | 'organization' | 'credential'
  /** Of the organization or the credential. */
  id: string | null
  name: string | null
  reason: string
  /** Null: somebody out of one's reach, such as the partner's own people. */
  stopped_by: string | null
  stopped_at: string
}

/** Somebody else may stop or lift: asked for anew while the page is open. */
const REFRESH_MS = 30_000

export const stops = queryOptions({
  queryKey: ['emergency_stop'],
  queryFn: async () => (await api.tool<{ stops: Stop[] }>('emergency_stop', { action: 'status' })).stops,
  refetchInterval: REFRESH_MS,
  retry: false,
})

type Subject = { everything: true } | { organization: string } | { credential: string }

export const subjectOf = ({ kind, id }: Stop): Subject =>
  kind === 'everything' || id === null
    ? { everything: true }
    : kind === 'organization'
      ? { organization: id }
      : { credential: id }

interface Done {
  subject: { name: string }
  cancelled?: { operations: number; commands: number }
}

export const useStop = (onDone: () => void) =>
  useToolAct<{ action: 'stop'; reason: string } & Subject, Done>('emergency_stop', {
    refresh: ['emergency_stop'],
    said: ({ subject, cancelled }) =>
      `All acts ${subject.name === 'everybody' ? 'of everybody' : `in ${subject.name}`} are refused; ${cancelled?.operations ?? 0} waiting calls and ${cancelled?.commands ?? 0} commands cancelled`,
    onDone,
  })

export const useLift = () =>
  useToolAct<{ action: 'lift' } & Subject, Done>('emergency_stop', {
    refresh: ['emergency_stop'],
    said: ({ subject }) => `The stop of ${subject.name} is lifted`,
    loud: true,
  })
