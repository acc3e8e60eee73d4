import { errorText } from '../../log.ts'
import type { ServiceAction, ServiceControl } from '../service-control.ts'
import { runPowershell } from './powershell.ts'
import { windowsService } from './services.ts'

/** Never run on a real Windows. Names travel in the environment, never within a script. */
const ACT: { readonly [A in ServiceAction]: string } = {
  start: 'Start-Service -Name $env:BREEZE_SERVICE',
  stop: 'Stop-Service -Name $env:BREEZE_SERVICE -Force',
  restart: 'Restart-Service -Name $env:BREEZE_SERVICE -Force',
}

export const windowsServiceControl: ServiceControl = {
  source: 'Win32_Service',
  read: windowsService,
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
