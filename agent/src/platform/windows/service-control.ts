import type { ServiceItem } from '@breeze/contract/agent-inventory'
import { z } from 'zod'
import { errorText } from '../../log.ts'
import type { ServiceAction, ServiceControl } from '../service-control.ts'
import { asArray, runPowershell } from './powershell.ts'

/** Never run on a real Windows. Names travel in the environment, never within a script. */
const READ = `@(Get-CimInstance Win32_Service | Where-Object { $_.Name -eq $env:BREEZE_SERVICE } |
  Select-Object Name,DisplayName,State,StartMode,ProcessId) | ConvertTo-Json -Compress`
const ACT: { readonly [A in ServiceAction]: string } = {
  start: 'Start-Service -Name $env:BREEZE_SERVICE',
  stop: 'Stop-Service -Name $env:BREEZE_SERVICE -Force',
  restart: 'Restart-Service -Name $env:BREEZE_SERVICE -Force',
}

const rows = z.array(
  z.object({
    Name: z.string(),
    DisplayName: z.string().nullable(),
    State: z.string(),
    StartMode: z.string(),
    ProcessId: z.number().int(),
  }),
)

export const windowsServiceControl: ServiceControl = {
  source: 'Win32_Service',
  async read(name) {
    return parseWindowsService(await runPowershell(READ, { environment: { BREEZE_SERVICE: name } }))
  },
  async act({ name }, action, timeoutMs) {
    try {
      await runPowershell(ACT[action], { timeoutMs, environment: { BREEZE_SERVICE: name } })
      return undefined
    } catch (error) {
      return errorText(error)
    }
  },
  own: async () => 'breeze-agent',
}

export function parseWindowsService(output: unknown): ServiceItem | undefined {
  const [row] = rows.parse(asArray(output))
  if (!row) return undefined
  return {
    name: row.Name.slice(0, 256),
    displayName: row.DisplayName?.slice(0, 300) ?? null,
    state: STATES[row.State] ?? 'unknown',
    start: STARTS[row.StartMode] ?? 'unknown',
    manager: 'windows',
    pid: row.ProcessId > 0 ? row.ProcessId : null,
  }
}

const STATES: Readonly<Record<string, ServiceItem['state']>> = {
  Running: 'running',
  Stopped: 'stopped',
  Paused: 'stopped',
  'Start Pending': 'starting',
  'Continue Pending': 'starting',
  'Stop Pending': 'stopping',
  'Pause Pending': 'stopping',
}
const STARTS: Readonly<Record<string, ServiceItem['start']>> = {
  Auto: 'automatic',
  Manual: 'manual',
  Disabled: 'disabled',
}
