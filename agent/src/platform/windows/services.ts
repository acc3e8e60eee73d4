import type { ServiceItem } from '@breeze/contract/agent-inventory'
import * as z from 'zod'
import { clip } from '../../collectors/section.ts'
import { asArray, runPowershell } from './powershell.ts'

const SELECT = 'Select-Object Name, DisplayName, State, StartMode, ProcessId | ConvertTo-Json -Compress'
const MOST_SERVICES = 5000

export async function windowsServices(): Promise<ServiceItem[]> {
  return parseWindowsServices(await runPowershell(`Get-CimInstance Win32_Service | ${SELECT}`))
}

/** Undefined where there is no such service. The name is compared, and never part of a query or a script. */
export async function windowsService(name: string): Promise<ServiceItem | undefined> {
  const script = `Get-CimInstance Win32_Service | Where-Object { $_.Name -eq $env:BREEZE_SERVICE } | ${SELECT}`
  return parseWindowsServices(await runPowershell(script, { environment: { BREEZE_SERVICE: name } }))[0]
}

const service = z.object({
  Name: z.string(),
  DisplayName: z.string().nullable(),
  State: z.string(),
  StartMode: z.string().nullable(),
  ProcessId: z.number().nullable(),
})

export function parseWindowsServices(value: unknown): ServiceItem[] {
  return asArray(value)
    .slice(0, MOST_SERVICES)
    .map((entry) => {
      const { Name, DisplayName, State, StartMode, ProcessId } = service.parse(entry)
      return {
        name: clip(Name, 256),
        displayName: clip(DisplayName ?? '', 300) || null,
        state: STATES[State] ?? 'unknown',
        start: STARTS[StartMode ?? ''] ?? 'unknown',
        manager: 'windows' as const,
        pid: ProcessId === null || ProcessId === 0 ? null : ProcessId,
      }
    })
}

/** Win32_Service.State. A paused service is there and does not serve. */
const STATES: Readonly<Record<string, ServiceItem['state']>> = {
  Running: 'running',
  Stopped: 'stopped',
  Paused: 'stopped',
  'Start Pending': 'starting',
  'Continue Pending': 'starting',
  'Stop Pending': 'stopping',
  'Pause Pending': 'stopping',
}

/** Win32_Service.StartMode. Boot and System are drivers'. */
const STARTS: Readonly<Record<string, ServiceItem['start']>> = {
  Auto: 'automatic',
  Boot: 'automatic',
  System: 'automatic',
  Manual: 'manual',
  Disabled: 'disabled',
}
