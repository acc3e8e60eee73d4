/** The simulated agents, apart from the load client so that neither waits for the other's work. */
import { type HerdReport, runSimulation, type SimulationStatistics } from '../agent/src/simulator/simulation.ts'

export interface AgentsSetup {
  server: string
  seed: string
  stateDirectory: string
  devices: number
}
export type AgentsRequest =
  | { ask: 'start'; setup: AgentsSetup }
  | { ask: 'statistics' }
  | { ask: 'herd' }
  | { ask: 'measure'; isOn: boolean }
export type AgentsAnswer = { statistics: SimulationStatistics; herd?: HerdReport }

const unneeded = (): Promise<never> => Promise.reject(new Error('every device of the benchmark is enrolled already'))

let simulation: Awaited<ReturnType<typeof runSimulation>> | undefined

async function answer(request: AgentsRequest): Promise<AgentsAnswer> {
  if (request.ask === 'start') {
    simulation = await runSimulation({
      ...request.setup,
      quirks: { packages: 70 },
      provision: { ensureOrganization: unneeded, ensureSite: unneeded, enrollmentToken: unneeded },
      log: (event, fields) => {
        if (event !== 'simulating') process.stderr.write(`simulator: ${JSON.stringify({ event, ...fields })}\n`)
      },
    })
  }
  if (!simulation) throw new Error('the simulation has not started')
  if (request.ask === 'measure') simulation.measure(request.isOn)
  const herd = request.ask === 'herd' ? await simulation.herd() : undefined
  return { statistics: simulation.statistics(), ...(herd && { herd }) }
}

process.on('message', (request: AgentsRequest) => {
  answer(request).then(
    (said) => process.send?.(said),
    (error: unknown) => {
      process.stderr.write(`simulator: ${error instanceof Error ? error.message : String(error)}\n`)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
