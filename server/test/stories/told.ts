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
  stop(): Promise<void>
}

/** On the morning after the night of updates. */
export async function tellFleet(env: Record<string, string> = {}): Promise<ToldFleet> {
  const clock = new StoryClock(new Date(Math.ceil((Date.now() - EIGHT_HOURS_MS) / DAY_MS) * DAY_MS + EIGHT_HOURS_MS))
  const { now } = clock
  const world = await boot({ environment: { ...systemEnvironment, now }, env })
  const simulation = await runSimulation({
    server: world.server.url,
    provision: provisionOf(world),
    quirks: { packages: 10 },
    timing: { connectsPerSecond: 100 },
    now: () => now().getTime(),
    patches: STORIES['patch-night'].patches(planFleet(), now()),
  })
  const ends: (() => Promise<void>)[] = []
  await until(async () => (await introduced(world)) === ONLINE, 30_000)
  return {
    world,
    simulation,
    clock,
    play(name, { everyMs = 60_000, downMs = 240_000 } = {}) {
      const ended = new AbortController()
      const pause = (milliseconds: number) => clock.pause(milliseconds, ended.signal)
      const over = STORIES[name].play({ simulation, now: now(), pause, everyMs, downMs })
      const end = async () => {
        ended.abort()
        await over
      }
      ends.push(end)
      return { over, end }
    },
    pass: (minutes) =>
      clock.pass(minutes * 60_000, { minute: () => simulation.minute(), step: () => serverStep(world) }),
    stop: async () => {
      for (const end of ends) await end()
      await simulation.stop()
      await world.stop()
    },
  }
}

/** What its own timers would do meanwhile. */
async function serverStep({ server }: Harness): Promise<void> {
  await server.presence.tick()
  await server.alertEngine.tick()
  await server.services.notifications.step()
}

/** How many that are online have said what they are. */
async function introduced(world: Harness): Promise<number> {
  const outcome = await world.invoke(await world.operator(), 'list_devices', { status: 'online', limit: 200 })
  if (outcome.status !== 'done') throw new Error(JSON.stringify(outcome))
  const devices = outcome.data['devices'] as { os: string | null; role: string }[]
  return devices.filter(({ os, role }) => os !== null && role !== 'unknown').length
}
function provisionOf(world: Harness): Provision {
  const call = async (tool: string, input: unknown): Promise<Record<string, unknown>> => {
    const operator = await world.operator()
    const outcome = await world.invoke(operator, tool, input)
    if (outcome.status !== 'done') throw new Error(`${tool}: ${JSON.stringify(outcome)}`)
    return outcome.data
  }
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
