/** What a simulated fleet needs from somebody with credentials, through the same tools as everything else. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { PlannedDevice } from '../../agent/src/simulator/fleet.ts'
import type { Provision } from '../../agent/src/simulator/simulation.ts'
import type { Client } from './client.ts'
import { Failure } from './failure.ts'
import { runTool } from './run-tool.ts'

/** Long enough to enroll a big fleet past the server's limit of enrollments. */
const TOKEN_LIFE = '12h'
const LOOK_MS = 500

type Call = (tool: string, input: Record<string, unknown>) => Promise<Record<string, unknown>>

const caller =
  (client: Client): Call =>
  (tool, input) =>
    runTool(client, tool, input, { yes: true })

/** What exists is found again. */
export function provisionThrough(client: Client): Provision {
  const call = caller(client)
  const ensure = async (
    list: string,
    key: string,
    name: string,
    within: Record<string, unknown>,
    create: string,
  ): Promise<string> => {
    const listed = (await call(list, { ...within, text: name, limit: 200 }))[key] as { id: string; name: string }[]
    const known = listed.find((item) => item.name.toLowerCase() === name.toLowerCase())
    return known?.id ?? String((await call(create, { ...within, name }))['id'])
  }
  return {
    ensureOrganization: (name) => ensure('list_organizations', 'organizations', name, {}, 'create_organization'),
    ensureSite: (organization, name) => ensure('list_sites', 'sites', name, { organization }, 'create_site'),
    async enrollmentToken(organization, site, uses) {
      const made = await call('create_enrollment_token', {
        organization,
        site,
        uses,
        expires_in: TOKEN_LIFE,
        simulated: true,
      })
      const { token } = made
      if (typeof token !== 'string') throw new Failure('refused', 'The server made no enrollment token.')
      return token
    },
  }
}

const INTRODUCTION_PATIENCE_MS = 60_000
/** Enrolling used up much of what a credential may ask in a minute. */
const INTRODUCTION_LOOK_MS = 2000

/** Resolves when the server knows what each of its simulated devices is: which rules watch a device depends on that. */
export async function introduced(client: Client, signal: AbortSignal): Promise<void> {
  const call = caller(client)
  const strangers = { simulated: true, status: 'online', role: 'unknown', limit: 0 }
  const deadline = Date.now() + INTRODUCTION_PATIENCE_MS
  while (!signal.aborted && Date.now() < deadline) {
    if ((await call('list_devices', strangers))['total'] === 0) return
    await sleep(INTRODUCTION_LOOK_MS)
  }
}

/** Devices of one call: below what a call may touch. */
const MOST_AT_ONCE = 4000
const OPEN: ReadonlySet<string> = new Set(['queued', 'delivered', 'accepted', 'started'])
const FAN_OUT_PATIENCE_MS = 300_000

export interface FanOut {
  commands: number
  succeeded: number
  /** By devices without the script's language among them. */
  rejected: number
  finished: number
  seconds: number
}

/** One script to all of these devices that are online, by each language that some of them have; until all results are there. */
export async function fanOut(
  client: Client,
  devices: readonly PlannedDevice[],
  signal: AbortSignal,
): Promise<Record<keyof FanOut, number>> {
  const call = caller(client)
  const began = performance.now()
  const sum: FanOut = { commands: 0, succeeded: 0, rejected: 0, finished: 0, seconds: 0 }
  for (const sites of groupsOfSites(devices)) {
    for (const language of ['powershell', 'bash']) {
      if (signal.aborted) return sum
      const filter = { site: sites, status: 'online' }
      const sent = await call('run_script', { filter, language, content: 'hostname', timeout_seconds: 60 })
      const counts = await settled(call, sent, signal)
      const all = Object.values(counts).reduce((total, count) => total + count, 0)
      sum.commands += all
      sum.rejected += counts['rejected'] ?? 0
      sum.succeeded += counts['succeeded'] ?? 0
      sum.finished += all - open(counts)
    }
  }
  return { ...sum, seconds: Math.round((performance.now() - began) / 100) / 10 }
}

type Counts = Readonly<Record<string, number>>

/** What `run_script` did not wait for is asked for until it is there. */
async function settled(call: Call, sent: Record<string, unknown>, signal: AbortSignal): Promise<Counts> {
  const deadline = Date.now() + FAN_OUT_PATIENCE_MS
  // The shape of both answers is the tools' own: `counts` by state.
  let counts = sent['counts'] as Counts
  while (open(counts) > 0 && Date.now() < deadline && !signal.aborted) {
    await sleep(LOOK_MS)
    counts = (await call('get_operation', { operation: sent['operation'] }))['counts'] as Counts
  }
  return counts
}

const open = (counts: Counts): number =>
  Object.entries(counts).reduce((sum, [state, count]) => sum + (OPEN.has(state) ? count : 0), 0)

function groupsOfSites(devices: readonly PlannedDevice[]): string[][] {
  const groups: string[][] = []
  let room = 0
  for (const [site, there] of Map.groupBy(devices, (device) => device.site)) {
    if (there.length > room) {
      groups.push([])
      room = MOST_AT_ONCE
    }
    groups.at(-1)?.push(site)
    room -= there.length
  }
  return groups
}
