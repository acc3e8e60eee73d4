/** The usual fleet, told a story, on a whole server: what the server then knows, it found out by itself. */
import { planFleet } from '../../../agent/src/simulator/fleet.ts'
import { type Provision, runSimulation, type RunningSimulation } from '../../../agent/src/simulator/simulation.ts'
import { STORIES, type StoryName } from '../../../agent/src/simulator/stories/stories.ts'
import type { Caller } from '../../src/kernel/caller.ts'
import { boot, type Harness } from '../harness.ts'

export interface ToldFleet {
  world: Harness
  simulation: RunningSimulation
  /** The story's now. */
  now: Date
  stop(): Promise<void>
}

export async function tell(name: StoryName, turns: { everyMs?: number; downMs?: number } = {}): Promise<ToldFleet> {
  const story = STORIES[name]
  const world = await boot({ env: { BREEZE_AGENT_HEARTBEAT_SECONDS: '10' } })
  const now = new Date()
  const ended = new AbortController()
  const patches = 'patches' in story ? story.patches?.(planFleet(), now) : undefined
  const simulation = await runSimulation({
    server: world.server.url,
    provision: provisionOf(world),
    quirks: { packages: 10 },
    timing: { connectsPerSecond: 100 },
    ...(patches && { patches }),
  })
  const { everyMs = 60_000, downMs = 60_000 } = turns
  const played = story.play({ simulation, now, everyMs, downMs, signal: ended.signal })
  return {
    world,
    simulation,
    now,
    stop: async () => {
      ended.abort()
      await played
      await simulation.stop()
      await world.stop()
    },
  }
}

function provisionOf(world: Harness): Provision {
  const call = async (tool: string, input: unknown): Promise<Record<string, unknown>> => {
    const operator: Caller = await world.operator()
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
