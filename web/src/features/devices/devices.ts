/** What the pages know of devices: the shapes of the tools' answers. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { Database, Laptop, Monitor, Network, Server, type LucideIcon } from 'lucide-react'
import { api } from '../../app/api.ts'

export interface Device {
  id: string
  name: string
  organization: { id: string; name: string }
  site: { id: string; name: string }
  status: string
  conditions: string[]
  role: string
  os: string | null
  last_seen_at: string | null
}

export interface DeviceList {
  devices: Device[]
  counts: { online: number; offline: number; pending: number } | null
  total: number
  total_is_lower_bound?: boolean
  next_cursor?: string
}

export interface DeviceDetails extends Device {
  simulated: boolean
  agent_version: string
  enrolled_at: string
  first_seen_at: string | null
  uptime_seconds: number | null
  cpu_percent: number | null
  memory_percent: number | null
  sections: Section[]
  recent_commands?: { id: string; type: string; state: string; issued_at: string; exit_code: number | null }[]
}

export interface Section {
  name: string
  status: string
  source: string | null
  collected_at: string | null
  detail: string | null
  data?: unknown
  left_out?: number
}

export type StatusFilter = 'online' | 'offline' | 'pending'

export interface DeviceFilter {
  organization?: string | undefined
  status?: StatusFilter | undefined
  text?: string | undefined
}

const PAGE = 100
const FRESH_MS = 10_000

export const deviceList = (filter: DeviceFilter) =>
  infiniteQueryOptions({
    queryKey: ['devices', filter],
    queryFn: ({ pageParam }) =>
      api.tool<DeviceList>('list_devices', { ...filter, limit: PAGE, ...(pageParam !== '' && { cursor: pageParam }) }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
    refetchInterval: 30_000,
  })

export const deviceSearch = (text: string, organization: string | undefined) =>
  queryOptions({
    queryKey: ['device-search', text, organization],
    queryFn: () => api.tool<DeviceList>('list_devices', { text, limit: 6, ...(organization && { organization }) }),
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
  })

export const deviceDetails = (device: string) =>
  queryOptions({
    queryKey: ['device', device],
    queryFn: () => api.tool<DeviceDetails>('get_device_details', { device }),
    staleTime: FRESH_MS,
    retry: false,
  })

const ICONS: Readonly<Record<string, LucideIcon>> = {
  server: Server,
  domain_controller: Server,
  database: Database,
  hypervisor: Server,
  workstation: Monitor,
  laptop: Laptop,
}
export const roleIcon = (role: string): LucideIcon => ICONS[role] ?? (role === 'network' ? Network : Monitor)
