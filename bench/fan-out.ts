/** One script to many devices over REST, until the last result is stored. */
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { PlannedDevice } from '../agent/src/simulator/fleet.ts'
import { factsOf } from '../agent/src/simulator/facts.ts'
import { rest } from './cases.ts'
import { ask, type Target } from './client.ts'
import { cpuMicroseconds, treeCpuMicroseconds } from './process-facts.ts'

const WANTED = 2000
const LOOK_MS = 250
const FIRST_LOOK_MS = 100
const PATIENCE_MS = 120_000
const OPEN = ['queued', 'delivered', 'accepted', 'started']

const answer = z.object({ operation: z.string(), total: z.number(), counts: z.record(z.string(), z.number()) })
const held = z.object({ operation: z.string(), confirmation: z.object({ token: z.string() }) })

export interface FanOutReport {
  devices: number
  succeeded: number
  /** Without an end when the wait was over; 0 is what is wanted. The others have no PowerShell, and say so. */
  open: number
  seconds: number
  /** Until `get_operation` told of one that had ended. */
  firstSeconds: number
  /** Of each device, the looks included. */
  serverMs: number
  postgresMs: number
  /** Until the call itself answered: it waits for what is fast. */
  callSeconds: number
}

export async function measureFanOut(
  server: string,
  key: string,
  fleet: readonly PlannedDevice[],
  processes: { server: number; postgres: number },
): Promise<FanOutReport> {
  const call = async (tool: string, input: object): Promise<unknown> =>
    JSON.parse(await ask(rest(server, key, 'POST', `/${tool}`, input), [200, 202]))
  const filter = { site: sitesFor(fleet), status: 'online' }
  const script = { filter, language: 'powershell', content: 'hostname', timeout_seconds: 60 }
  // So many devices are never touched without a confirmation, which is given at once.
  const { confirmation, operation } = held.parse(await call('run_script', script))
  const cpu = () => [cpuMicroseconds(processes.server), treeCpuMicroseconds(processes.postgres)] as const
  const [server0, postgres0] = cpu()
  const began = performance.now()
  const seconds = (): number => (performance.now() - began) / 1000
  const first = firstResult(rest(server, key, 'POST', '/get_operation', { operation }), began)
  let said = answer.parse(await call('run_script', { ...script, confirmation: confirmation.token }))
  const callSeconds = seconds()
  while (OPEN.some((state) => said.counts[state] !== undefined)) {
    if (performance.now() - began > PATIENCE_MS) break
    await sleep(LOOK_MS)
    said = answer.parse(await call('get_operation', { operation: said.operation }))
  }
  const open = OPEN.reduce((sum, state) => sum + (said.counts[state] ?? 0), 0)
  const all = seconds()
  const [server1, postgres1] = cpu()
  return {
    devices: said.total,
    succeeded: said.counts['succeeded'] ?? 0,
    open,
    seconds: all,
    callSeconds,
    firstSeconds: await first,
    serverMs: (server1 - server0) / 1000 / said.total,
    postgresMs: (postgres1 - postgres0) / 1000 / said.total,
  }
}

/** Over a connection of its own: the call itself answers only when it has waited for what is fast. */
async function firstResult(look: Target, began: number): Promise<number> {
  const connection = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    while (performance.now() - began < PATIENCE_MS) {
      const { counts } = answer.parse(JSON.parse(await ask(look, [200], connection)))
      if ((counts['succeeded'] ?? 0) + (counts['failed'] ?? 0) > 0) return (performance.now() - began) / 1000
      await sleep(FIRST_LOOK_MS)
    }
    return Infinity
  } finally {
    connection.destroy()
  }
}

/** Sites that together have at least as many Windows devices online, and not many more. */
function sitesFor(fleet: readonly PlannedDevice[]): string[] {
  const reached = fleet.filter((one) => one.state === 'online' && factsOf(one, '').system.family === 'windows')
  const sites = [...Map.groupBy(reached, ({ site }) => site)].map(([site, there]) => ({ site, count: there.length }))
  const chosen: string[] = []
  let left = WANTED
  // The largest that fits first; at the end the smallest that fills what is left.
  for (const { site, count } of sites.toSorted((a, b) => b.count - a.count)) {
    if (count > left) continue
    chosen.push(site)
    left -= count
  }
  const rest = sites.toSorted((a, b) => a.count - b.count).filter(({ site }) => !chosen.includes(site))
  const last = rest.find(({ count }) => count >= left)
  return left > 0 && last ? [...chosen, last.site] : chosen
}
