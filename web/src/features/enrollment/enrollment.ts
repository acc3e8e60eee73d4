import { queryOptions } from '@tanstack/react-query'
import { api } from '../../app/api.ts'
import { type ListPage, toolList, useToolAct } from '../../app/tool-queries.ts'
import type { Device } from '../devices/devices.ts'
import type { Site } from '../organizations/organizations.ts'

interface Place {
  id: string
  name: string
}

export interface EnrollmentToken {
  id: string
  organization: Place
  site: Place
  uses_left: number
  simulated: boolean
  requires_approval: boolean
  state: 'open' | 'used_up' | 'expired'
  expires_at: string
  created_at: string
}

export interface TokenPage extends ListPage {
  enrollment_tokens: EnrollmentToken[]
}

export const tokens = (filter: { organization?: string }) => toolList<TokenPage>('list_enrollment_tokens', filter)

export interface MadeToken {
  id: string
  token: string
  install_command: string
  expires_at: string
  uses: number
  requires_approval: boolean
  organization: Place
  site: Place
}

export interface NewToken {
  organization: string
  site?: string
  uses: number
  expires_in: string
  requires_approval: boolean
}

export const useCreateToken = (onDone: (made: MadeToken) => void) =>
  useToolAct<NewToken, MadeToken>('create_enrollment_token', { refresh: ['list_enrollment_tokens'], onDone })

export const useDeleteToken = (onDone: () => void) =>
  useToolAct<{ token: string }, { id: string }>('delete_enrollment_token', {
    refresh: ['list_enrollment_tokens'],
    said: () => 'Enrollment token deleted',
    onDone,
  })

/** Enough to choose from; whoever has more sites names one by the tool. */
const MOST_SITES = 200

export const sitesOf = (organization: string) =>
  queryOptions({
    queryKey: ['list_sites', 'choice', organization],
    queryFn: async () => (await api.tool<{ sites: Site[] }>('list_sites', { organization, limit: MOST_SITES })).sites,
    enabled: organization !== '',
  })

export interface WaitingPage extends ListPage {
  devices: Device[]
}

/** Devices that report and get no commands until a person lets them in. */
export const waiting = (filter: { organization?: string }) =>
  toolList<WaitingPage>('list_devices', { ...filter, condition: 'awaiting_approval' })

export const useJudgeDevice = () =>
  useToolAct<{ action: 'approve' | 'reject'; devices: string[] }, { devices: { name: string }[] }>('manage_devices', {
    refresh: ['list_devices', 'devices', 'device-counts'],
    said: ({ devices }, { action }) =>
      `${devices[0]?.name ?? 'The device'} ${action === 'approve' ? 'approved' : 'rejected'}`,
    loud: true,
  })
