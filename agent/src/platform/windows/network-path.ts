import { getServers } from 'node:dns'
import * as z from 'zod'
import type { NetworkReader } from '../network-path.ts'
import { asArray, runPowershell } from './powershell.ts'

const SCRIPT = `
@(Get-NetRoute -DestinationPrefix '0.0.0.0/0','::/0' -ErrorAction SilentlyContinue|
 Sort-Object @{e={$_.DestinationPrefix -eq '::/0'}},@{e={$_.RouteMetric+$_.InterfaceMetric}}|
 ForEach-Object{[pscustomobject]@{hop=$_.NextHop}})|ConvertTo-Json -Compress`
const NEIGHBOUR = `
@(Get-NetNeighbor -IPAddress $env:BREEZE_ADDRESS -ErrorAction SilentlyContinue|
 ForEach-Object{[pscustomobject]@{state=[string]$_.State}})|ConvertTo-Json -Compress`

export const windowsNetwork: NetworkReader = {
  path: async () => ({
    source: 'Get-NetRoute, the system’s resolver',
    gateway: parseHops(await runPowershell(SCRIPT)),
    nameServers: getServers(),
  }),
  async neighbour(address) {
    const found = await runPowershell(NEIGHBOUR, { environment: { BREEZE_ADDRESS: address } })
    return parseNeighbourStates(found)
  },
}

export function parseHops(json: unknown): string | null {
  const hops = z.array(z.object({ hop: z.string() })).parse(asArray(json))
  return hops.find(({ hop }) => hop !== '0.0.0.0' && hop !== '::')?.hop ?? null
}

export function parseNeighbourStates(json: unknown): boolean | null {
  const states = z.array(z.object({ state: z.string() })).parse(asArray(json))
  if (states.length === 0) return null
  return states.some(({ state }) => !['Unreachable', 'Incomplete', '0', '1'].includes(state))
}
