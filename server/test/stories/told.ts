/** The usual fleet, told stories, on a whole server: what the server then knows, it found out by itself. */
import { planFleet } from '../../../agent/src/simulator/fleet.ts'
import { type Provision, runSimulation, type RunningSimulation } from '../../../agent/src/simulator/simulation.ts'
import { STORIES, type StoryName } from '../../../agent/src/simulator/stories/stories.ts'
import { systemEnvironment } from '../../src/kernel/context.ts'
import { until } from '../agents/fleet.ts'
import { boot, type Harness } from '../harness.ts'
import { StoryClock } from './story-clock.ts'

const ONLINE = 132
/** Every night is over by then, whatever the hour at which tests run. */
const EIGHT_HOURS_MS = 8 * 3_600_000
const DAY_MS = 86_400_000

export interface ToldFleet {
  world: Harness
  simulation: RunningSimulation
  clock: StoryClock
  /** Tells a story from now on. */
  play(name: StoryName, turns?: { everyMs?: number; downMs?: number }): { over: Promise<void>; end(): Promise<void> }
  pass(minutes: number): Promise<void>
  /** As the operator. */
  call: Call
  stop(): Promise<void>
}

type Call = (tool: string, input: unknown) => Promise<Record<string, unknown>>

/** On the morning after the night of updates. */
export async function tellFleet(env: Record<string, string> = {}): Promise<ToldFleet> {
  const clock = new StoryClock(new Date(Math.ceil((Date.now() - EIGHT_HOURS_MS) / DAY_MS) * DAY_MS + EIGHT_HOURS_MS))
  const { now } = clock
  const world = await boot({ environment: { ...systemEnvironment, now }, env })
  const call: Call = async (tool, input) => {
    const outcome = await world.invoke(await world.operator(), tool, input)
    if (outcome.status !== 'done') throw new Error(`${tool}: ${JSON.stringify(outcome)}`)
    return outcome.data
  }
  const simulation = await runSimulation({
    server: world.server.url,
    provision: provisionThrough(call),
    quirks: { packages: 10 },
    timing: { connectsPerSecond: 100 },
    now: () => now().getTime(),
    measures: false,
    patches: STORIES['patch-night'].patches(planFleet(), now()),
  })
  const ends: (() => Promise<void>)[] = []
  await until(async () => (await introduced(call)) === ONLINE, 90_000)
  return {
    world,
    simulation,
    clock,
    call,
    play(name, { everyMs = 60_000, downMs = 240_000 } = {}) {
      const ended = new AbortController()
      const pause = (milliseconds: number) => clock.pause(milliseconds, ended.signal)
      const over = STORIES[name].play({ simulation, now: now(), pause, everyMs, downMs })
      simulation.measure(true)
      const end = async () => {
        ended.abort()
        await over
      }
      ends.push(end)
      return { over, end }
    },
    pass: (minutes) =>
      clock.pass(minutes * 60_000, { minute: () => minute(world, simulation), step: () => step(world) }),
    stop: async () => {
      for (const end of ends) await end()
      await simulation.stop()
      await world.stop()
    },
  }
}

/** What its own timers would do meanwhile. */
async function step({ server }: Harness): Promise<void> {
  await server.presence.tick()
  await server.alertEngine.tick()
}

async function minute({ server }: Harness, simulation: RunningSimulation): Promise<void> {
  await simulation.minute()
  await server.services.notifications.step()
}

/** How many that are online have said what they are. */
async function introduced(call: Call): Promise<number> {
  const { devices } = await call('list_devices', { status: 'online', limit: 200 })
  return (devices as { os: string | null; role: string }[]).filter(({ os, role }) => os !== null && role !== 'unknown')
    .length
}
function provisionThrough(call: Call): Provision {
  const made = new Map<string, Promise<string>>()
  const once = (key: string, tool: string, input: unknown): Promise<string> => {
    const making = made.get(key) ?? call(tool, input).then(({ id }) => String(id))
    made.set(key, making)
    return making
  }
  return {
    ensureOrganization: (name) => once(name, 'create_organization', { name }),
    ensureSite: (organization, name) => once(`${organization} ${name}`, 'create_site', { organization, name }),
    enrollmentToken: async (organization, site, uses) =>
      String((await call('create_enrollment_token', { organization, site, uses, simulated: true }))['token']),
  }
}
