/** Starts a server of its own, measures it and prints one table; see docs/performance.md. */
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { loadKeys } from '../server/src/keys/keys.ts'
import { measureAgent } from './agent-cost.ts'
import { measureAlerts } from './alerts.ts'
import { SimulatedAgents } from './agents.ts'
import { type Arguments, HELP, readArguments } from './arguments.ts'
import { type Case, casesFor } from './cases.ts'
import { ask, closeConnections } from './client.ts'
import { measureCommands } from './commands.ts'
import { measureFanOut } from './fan-out.ts'
import { startFloor } from './floor-process.ts'
import { measureMetrics } from './metrics.ts'
import { residentBytes } from './process-facts.ts'
import { measureQueries } from './queries.ts'
import { type LoadReport, type Measured, requirements, requirementTable, table } from './report.ts'
import { measureRollout, ROLLOUT_AGENTS, type RolloutReport } from './rollout.ts'
import { runRounds, summarise } from './rounds.ts'
import { FLEET_SEED, seed, type Seeded } from './seed.ts'
import { BenchedServer } from './server-process.ts'
import { StatementCounter } from './statements.ts'
import { measureTokens } from './tokens.ts'

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const progress = (line: string): void => void process.stderr.write(`bench: ${line}\n`)

/** What has to be stopped, last first, however the run ends. */
const stops: (() => Promise<void>)[] = []

async function run(options: Arguments): Promise<Measured> {
  const { size, parts } = options
  progress('building and starting')
  const server = await BenchedServer.prepare(options.profile, options.node)
  stops.push(() => server.remove())
  const firstStartMs = await server.start()
  progress(`writing ${size.devices} devices`)
  const stateDirectory = join(server.dataDir, 'simulator')
  const seeded = await seed(await server.ownerConnection(), await loadKeys(server.dataDir), {
    devices: size.devices,
    agents: size.agents,
    server: server.url,
    stateDirectory,
  })
  const measured: Measured = {
    devices: size.devices,
    calls: [],
    answers: [],
    tokens: null,
    queries: [],
    commands: null,
    loads: [],
    agent: null,
    metrics: null,
    alerts: null,
    rollout: null,
    firstStartMs,
    secondStartMs: null,
    loadedBytes: null,
    startedBytes: residentBytes(server.pid),
  }
  if (parts.has('calls')) {
    Object.assign(measured, await measureCalls(server, seeded, options))
    measured.loadedBytes = residentBytes(server.pid)
  }
  if (parts.has('tokens')) {
    progress('checking credentials')
    const { pepper } = await loadKeys(server.dataDir)
    measured.tokens = await measureTokens(await server.ownerConnection(), pepper, seeded.partnerId, size.checks)
  }
  if (parts.has('queries')) {
    progress('asking for alerts and health')
    const asking = { server: server.url, key: seeded.key, roundMs: size.roundMs }
    measured.queries = await measureQueries(await server.ownerConnection(), asking)
  }
  // Also so that the memory with agents is theirs, and not what the calls left behind.
  if (parts.has('restart')) {
    progress('starting again')
    await server.stop()
    measured.secondStartMs = await server.start()
  }
  if (parts.has('commands') || parts.has('agents')) {
    progress(`connecting ${size.agents} agents`)
    const devices = seeded.fleet.length
    const setup = { server: server.url, seed: FLEET_SEED, stateDirectory, devices }
    const agents = await SimulatedAgents.start(server, setup)
    stops.push(() => agents.stop())
    if (parts.has('commands')) {
      progress('running commands')
      measured.commands = await measureCommands(server.url, seeded.key, seeded.workstation, size.commands)
    }
    if (parts.has('agents')) measured.loads.push(await measureLoad(server, seeded, agents, size.steadyMs))
    await agents.stop()
  }
  if (parts.has('alerts')) {
    progress('watching a fleet for alerts')
    const { pepper } = await loadKeys(server.dataDir)
    measured.alerts = await measureAlerts(await server.ownerConnection(), pepper, size.alertsMs)
  }
  if (parts.has('fleet') || parts.has('metrics')) {
    await server.stop()
    await measureFleet(options, measured)
  }
  if (parts.has('rollout')) {
    await server.stop()
    measured.rollout = await measureStages(options)
  }
  if (parts.has('agent')) {
    progress('watching the agent itself')
    measured.agent = await measureAgent(size.agentMs)
  }
  return measured
}

/** On a server of its own, because the devices of a fleet follow from its size. */
async function measureFleet({ size, node, parts }: Arguments, measured: Measured): Promise<void> {
  const server = await BenchedServer.prepare(undefined, node)
  stops.push(() => server.remove())
  await server.start()
  progress(`writing ${size.fleet} devices`)
  const stateDirectory = join(server.dataDir, 'simulator')
  const seeded = await seed(await server.ownerConnection(), await loadKeys(server.dataDir), {
    devices: size.fleet,
    agents: size.fleet,
    server: server.url,
    stateDirectory,
  })
  progress(`connecting ${size.fleet} agents`)
  const setup = { server: server.url, seed: FLEET_SEED, stateDirectory, devices: seeded.fleet.length }
  const agents = await SimulatedAgents.start(server, setup)
  stops.push(() => agents.stop())
  if (parts.has('metrics')) {
    progress('waiting for their inventory')
    await agents.settle()
    progress('watching their metrics')
    measured.metrics = await measureMetrics(server, agents, size.metricsMs)
  }
  if (parts.has('fleet')) measured.loads.push(await measureLoad(server, seeded, agents, size.steadyMs))
}

async function measureStages({ node }: Arguments): Promise<RolloutReport> {
  const server = await BenchedServer.prepare(undefined, node)
  stops.push(() => server.remove())
  await server.start()
  const stateDirectory = join(server.dataDir, 'simulator')
  const seeded = await seed(await server.ownerConnection(), await loadKeys(server.dataDir), {
    devices: ROLLOUT_AGENTS,
    agents: ROLLOUT_AGENTS,
    server: server.url,
    stateDirectory,
  })
  progress(`connecting ${ROLLOUT_AGENTS} agents for a rollout`)
  const setup = { server: server.url, seed: FLEET_SEED, stateDirectory, devices: seeded.fleet.length }
  const agents = await SimulatedAgents.start(server, setup)
  stops.push(() => agents.stop())
  await agents.settle()
  progress('rolling a script out in stages')
  const report = await measureRollout(server.url, seeded.key, {
    server: server.pid,
    postgres: await server.postgresPid(),
  })
  await agents.stop()
  return report
}

async function measureLoad(
  server: BenchedServer,
  seeded: Seeded,
  agents: SimulatedAgents,
  steadyMs: number,
): Promise<LoadReport> {
  progress('waiting for their inventory')
  await agents.settle()
  progress(`watching them for ${steadyMs / 1000} s`)
  const steady = await agents.steady(steadyMs)
  progress('cutting all connections')
  const herd = await agents.herd()
  progress('running a script on many devices')
  const processes = { server: server.pid, postgres: await server.postgresPid() }
  const fanOut = await measureFanOut(server.url, seeded.key, seeded.fleet, processes)
  return { steady, herd, fanOut, statistics: await agents.statistics() }
}

async function measureCalls(
  server: BenchedServer,
  seeded: Seeded,
  { size }: Arguments,
): Promise<Pick<Measured, 'calls' | 'answers'>> {
  const owner = await server.ownerConnection()
  const { pepper } = await loadKeys(server.dataDir)
  const floor = await startFloor(owner, pepper, seeded)
  stops.push(() => floor.stop())
  const statements = await StatementCounter.open(owner)
  try {
    const cases = casesFor(server.url, seeded.key, floor.url)
    const answers = await answerSizes(cases)
    progress(`calling, ${size.rounds} rounds`)
    const processes = { server: server.pid, floor: floor.pid, postgres: await server.postgresPid() }
    const results = await runRounds({ cases, processes, statements, ...size })
    return { calls: summarise(results), answers }
  } finally {
    closeConnections()
    await statements.close()
    await floor.stop()
  }
}

/** One answer of each, which must also be a good one. */
async function answerSizes(cases: readonly Case[]): Promise<Measured['answers']> {
  const sizes: Measured['answers'] = []
  for (const { call, over, target } of cases) {
    const text = await ask(target)
    if (text.includes('"isError":true') || text.includes('"error":{'))
      throw new Error(`${call} over ${over}: ${text.slice(0, 300)}`)
    if (over !== 'floor') sizes.push({ what: `${call} over ${over}`, characters: text.length })
  }
  return sizes
}

function machine(): string {
  const [cpu] = cpus()
  const memory = `${(totalmem() / 1e9).toFixed(0)} GB`
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memory}, Node ${process.versions.node}`
}

let cleaning: Promise<void> | undefined

/** Once, whoever asks: the end of the run or a signal in the middle of it. */
function cleanUp(): Promise<void> {
  return (cleaning ??= stopAll())
}

async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) {
    await stop().catch((error: unknown) => progress(`clean-up: ${String(error)}`))
  }
}

async function main(): Promise<number> {
  const options = readArguments(process.argv.slice(2))
  if (options === 'help') {
    say(HELP)
    return 0
  }
  const began = performance.now()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cleanUp().then(() => process.exit(130)))
  try {
    const measured = await run(options)
    const list = requirements(measured)
    say(`\nBreeze benchmark, ${new Date().toISOString().slice(0, 10)}, ${machine()}`)
    say(`${((performance.now() - began) / 1000).toFixed(0)} s; client, server, database and agents share the machine\n`)
    say(table(measured))
    say(`\n${requirementTable(list)}`)
    return options.check && list.some((requirement) => !requirement.met) ? 1 : 0
  } finally {
    await cleanUp()
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  },
)
