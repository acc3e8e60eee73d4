import { setTimeout as sleep } from 'node:timers/promises'
import { between } from '../backoff.ts'
import { publicKeyText } from '../device-key.ts'
import { EnrollmentError, requestEnrollment } from '../enrollment.ts'
import type { Log } from '../log.ts'
import { AGENT_VERSION } from '../version.ts'
import { factsOf } from './facts.ts'
import type { PlannedDevice } from './fleet.ts'
import type { FleetStore } from './fleet-state.ts'
import { seededKey } from './seeded.ts'
import { deviceSeed } from './simulated-device.ts'

/** What a simulator needs from somebody with credentials. Each call may be made again: what exists is found, not doubled. */
export interface Provision {
  /** The organization's id. */
  ensureOrganization(name: string): Promise<string>
  /** The site's id. */
  ensureSite(organizationId: string, name: string): Promise<string>
  /** A token for so many devices, marked as simulated on the server. */
  enrollmentToken(organizationId: string, siteId: string, uses: number): Promise<string>
}

interface EnrollOptions {
  server: string
  provision: Provision
  store: FleetStore
  planned: readonly PlannedDevice[]
  log: Log
  signal: AbortSignal
}

const AT_ONCE = 8
/** A server lets one address enroll some hundred devices a minute, so a big fleet waits its turn. */
const RATE_LIMIT_PAUSE_MS = [3000, 6000] as const
const ATTEMPTS = 300
const SAVE_EVERY = 50

/** Enrolls those that the server does not know yet, site by site. Answers how many. */
export async function enrollFleet(options: EnrollOptions): Promise<number> {
  const { planned, store, log } = options
  const missing = planned.filter((device) => store.state.devices[device.name] === undefined)
  const sites = Map.groupBy(missing, (device) => `${device.organization}/${device.site}`)
  for (const [site, devices] of sites) {
    await enrollSite(options, site, devices)
    await store.save()
    log('site_enrolled', { site, devices: devices.length })
  }
  return missing.length
}

async function enrollSite(options: EnrollOptions, site: string, devices: readonly PlannedDevice[]): Promise<void> {
  const tokens = new SiteTokens(options, site, devices)
  const waiting = [...devices]
  let done = 0
  const worker = async (): Promise<void> => {
    for (let device = waiting.shift(); device; device = waiting.shift()) {
      await enrollOne(options, tokens, device)
      if (++done % SAVE_EVERY === 0) await options.store.save()
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, devices.length) }, worker))
}

/** A stored token first: it may have enrolled a device whose answer never arrived. */
class SiteTokens {
  readonly #options: EnrollOptions
  readonly #site: string
  readonly #devices: readonly PlannedDevice[]
  #renewal: Promise<string> | undefined

  constructor(options: EnrollOptions, site: string, devices: readonly PlannedDevice[]) {
    this.#options = options
    this.#site = site
    this.#devices = devices
  }

  current(): Promise<string> {
    const stored = this.#options.store.state.tokens[this.#site]
    return this.#renewal ?? (stored === undefined ? this.renew() : Promise.resolve(stored))
  }

  renew(): Promise<string> {
    return (this.#renewal ??= this.#make())
  }

  async #make(): Promise<string> {
    const { provision, store } = this.#options
    const [first] = this.#devices
    if (!first) throw new Error('a site without devices needs no token')
    const organization = await provision.ensureOrganization(first.organization)
    const site = await provision.ensureSite(organization, first.site)
    const token = await provision.enrollmentToken(organization, site, this.#devices.length)
    store.state.tokens[this.#site] = token
    await store.save()
    return token
  }
}

async function enrollOne(options: EnrollOptions, tokens: SiteTokens, device: PlannedDevice): Promise<void> {
  const { server, store, signal } = options
  const seed = deviceSeed(store.state.seed, device.name)
  const { system, machineId } = factsOf(device, seed)
  const machine = { hostname: device.name, machineId, platform: system.family, agentVersion: AGENT_VERSION }
  const publicKey = publicKeyText(seededKey(seed))
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    const token = await tokens.current()
    try {
      const reply = await requestEnrollment(server, { ...machine, publicKey, token })
      store.state.devices[device.name] = { deviceId: reply.deviceId }
      store.state.pinnedServerKeys = reply.serverKeys
      return
    } catch (error) {
      if (!(error instanceof EnrollmentError) || attempt >= ATTEMPTS) throw error
      if (error.code.startsWith('token_') && token !== (await tokens.renew())) continue
      if (!error.transient) throw explained(error, device)
      await sleep(between(...RATE_LIMIT_PAUSE_MS), undefined, { signal })
    }
  }
}

function explained(error: EnrollmentError, device: PlannedDevice): Error {
  if (error.code !== 'key_in_use') return error
  const remedy = 'use the state folder of the run that enrolled it, or another seed'
  return new Error(`The server knows ${device.name} of this seed already: ${remedy}`, { cause: error })
}
