/** One script to 500 devices in stages, of which one in twenty fails: the guard must stop where its gate says. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { rest } from './cases.ts'
import { ask } from './client.ts'
import { cpuMicroseconds, treeCpuMicroseconds } from './process-facts.ts'

/** Of the fleet for it: so many are online that 500 of them and more are Windows. */
export const ROLLOUT_AGENTS = 580
const LEAST_SUCCESS = 97
const FAILING = 0.05
const LOOK_MS = 200
const PATIENCE_MS = 180_000

const stage = z.object({ name: z.string(), devices: z.number(), succeeded: z.number(), failed: z.number() })
const answer = z.object({
  operation: z.string(),
  total: z.number(),
  counts: z.record(z.string(), z.number()),
  rollout: z.object({ state: z.string(), reason: z.string().nullable(), stages: z.array(stage) }),
})
const begun = z.object({ operation: z.string() })
const held = z.object({ confirmation: z.object({ token: z.string() }) })
type Told = z.output<typeof answer>

export interface RolloutReport {
  devices: number
  state: string
  stages: Told['rollout']['stages']
  /** The stage that stopped it; null: none did. */
  stoppedAt: number | null
  /** From the confirmed call until everything was at rest. */
  seconds: number
  /** Of devices that were sent the script: milliseconds of the server, and of PostgreSQL. */
  serverMs: number
  postgresMs: number
  /** What does not agree with the gate; empty where all does. */
  wrong: string[]
}

export async function measureRollout(
  server: string,
  key: string,
  processes: { server: number; postgres: number },
): Promise<RolloutReport> {
  const call = async (tool: string, input: object): Promise<unknown> =>
    JSON.parse(await ask(rest(server, key, 'POST', `/${tool}`, input), [200, 202]))
  const fifth = { percent: 20 }
  const script = {
    filter: { os: 'windows', status: 'online' },
    language: 'powershell',
    content: `# simulate: fail=${FAILING}\nhostname`,
    stages: [{ name: 'canary', count: 1 }, fifth, fifth, fifth],
    min_success_percent: LEAST_SUCCESS,
    soak_minutes: 0,
  }
  const { confirmation } = held.parse(await call('run_script', script))
  const [serverBefore, postgresBefore] = [cpuMicroseconds(processes.server), treeCpuMicroseconds(processes.postgres)]
  const began = performance.now()
  const { operation } = begun.parse(await call('run_script', { ...script, confirmation: confirmation.token }))
  let told = answer.parse(await call('get_operation', { operation }))
  while (!isAtRest(told) && performance.now() - began < PATIENCE_MS) {
    await sleep(LOOK_MS)
    told = answer.parse(await call('get_operation', { operation }))
  }
  const seconds = (performance.now() - began) / 1000
  const { stages, state } = told.rollout
  const sent = Math.max(
    1,
    stages.reduce((sum, { succeeded, failed }) => sum + succeeded + failed, 0),
  )
  return {
    devices: placedIn(stages),
    state,
    stages,
    stoppedAt: state === 'stopped' ? stages.findLastIndex(({ succeeded, failed }) => succeeded + failed > 0) : null,
    seconds,
    serverMs: (cpuMicroseconds(processes.server) - serverBefore) / 1000 / sent,
    postgresMs: (treeCpuMicroseconds(processes.postgres) - postgresBefore) / 1000 / sent,
    wrong: isAtRest(told) ? disagreements(told) : ['it did not come to rest'],
  }
}

const placedIn = (stages: Told['rollout']['stages']): number => stages.reduce((sum, { devices }) => sum + devices, 0)

const isAtRest = ({ rollout, counts }: Told): boolean =>
  (rollout.state === 'stopped' || rollout.state === 'finished') && !counts['sent']

/** Told from the numbers alone: every stage before the last that began kept the gate, the last broke it, none follows. */
function disagreements({ rollout: { state, reason, stages }, total, counts }: Told): string[] {
  const last = stages.findLastIndex(({ succeeded, failed }) => succeeded + failed > 0)
  const wrong = stages.flatMap(({ name, devices, succeeded, failed }, index) => {
    const keeps = (100 * (devices - failed)) / devices >= LEAST_SUCCESS
    if (index < last && (!keeps || succeeded + failed !== devices))
      return [`${name} was passed with ${failed} failures`]
    if (index === last && state === 'stopped' && keeps) return [`${name} stopped it with ${failed} failures`]
    if (index === last && state === 'finished' && index < stages.length - 1) return [`it ended at ${name}`]
    if (index > last && succeeded + failed > 0) return [`${name} began after it was stopped`]
    return []
  })
  const placed = placedIn(stages)
  if (placed !== total - (counts['rejected'] ?? 0)) wrong.push(`${placed} of ${total} devices are in a stage`)
  if (state === 'stopped' && !reason?.includes(`"${stages[last]?.name}"`)) wrong.push(`it says: ${reason}`)
  return wrong
}
