import { join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MODE_NAMES, MODES, type Mode } from '../../../agent/src/simulator/modes.ts'
import { paused } from '../../../agent/src/simulator/pause.ts'
import { STORIES, STORY_NAMES, type StoryName } from '../../../agent/src/simulator/stories/stories.ts'
import type { Story } from '../../../agent/src/simulator/stories/story.ts'
import { planFleet } from '../../../agent/src/simulator/fleet.ts'
import type { RunningSimulation, SimulationStatistics } from '../../../agent/src/simulator/simulation.ts'
import { Client } from '../client.ts'
import { fanOut, introduced, provisionThrough } from '../fleet-provision.ts'
import { note, plural, say } from '../print.ts'
import { dataDir, findServer } from '../server.ts'
import { stopRequest } from '../stop-request.ts'
import { verb, wholeNumber, type CommonOptions } from './verb.ts'

interface SimulateOptions extends CommonOptions {
  devices?: number
  seed?: string
  server?: string
  state?: string
  mode: Mode
  scenario?: StoryName
  every: number
  downFor: number
  share: number
  peers: number
  clockSkew: number
  startPeriod?: number
  packages?: number
  failScripts?: number
}

const STATISTICS_EVERY_MS = 10_000
const HOUR_MS = 3_600_000
const SECOND_MS = 1000

const ABOUT = `
Modes:
${MODE_NAMES.map((name) => `  ${name.padEnd(11)} ${MODES[name]}`).join('\n')}

Scenarios, told by the usual 147 devices; the server finds out by itself, most of it within two minutes:
${STORY_NAMES.map((name) => `  ${name.padEnd(11)} ${STORIES[name].about}`).join('\n')}
What a night was like is told by devices that have not told of it before: use a server or a --seed that is new.

A script steers the devices that run it by a comment, such as
  # simulate: lines=200 seconds=5 fail=0.1
which gives 200 lines of output over 5 seconds and fails on every tenth device.

Statistics are printed every 10 seconds and at the end; with --json each as one line of JSON.`

export function fleetVerbs(program: Command): void {
  const fleet = program.command('fleet').description('a fleet that is not there, for trying things out')
  verb(
    fleet,
    'simulate',
    'enroll simulated devices and keep them alive until stopped',
    'breeze fleet simulate --devices 147\nbreeze fleet simulate --devices 2000 --mode herd --every 120',
  )
    .option('--devices <number>', 'how many; 147, when left out', wholeNumber)
    .option('--seed <text>', 'the same seed gives the same fleet')
    .option('--server <url>', 'where the devices connect; the server you act on, when left out')
    .option('--state <folder>', 'where the enrolled devices are remembered; the data folder, when left out')
    .addOption(new Option('--mode <mode>', 'what happens to them, see below').choices(MODE_NAMES).default('steady'))
    .addOption(new Option('--scenario <name>', 'a story that the fleet tells, see below').choices(STORY_NAMES))
    .option('--every <seconds>', 'between two turns of the mode or scenario', wholeNumber, 60)
    .option('--down-for <seconds>', 'how long a site is silent', wholeNumber, 480)
    .option('--share <number>', 'of the devices that change or stop reading, from 0 to 1', share, 0.05)
    .option('--peers <number>', 'slow peers that are no devices', wholeNumber, 100)
    .option('--clock-skew <hours>', 'by how much the clocks are off at most, in the mode clock-skew', wholeNumber, 48)
    .option(
      '--start-period <seconds>',
      'over which the first connections are spread; 200 a second, when left out',
      wholeNumber,
    )
    .option('--packages <number>', 'installed on each device, about; 700, when left out', wholeNumber)
    .option('--fail-scripts <number>', 'share of scripts that fail, from 0 to 1', share)
    .addHelpText('after', ABOUT)
    .action(simulate)
}

async function simulate(options: SimulateOptions): Promise<void> {
  const found = await findServer()
  const client = new Client(found)
  const server = options.server ?? found.origin
  const ended = new AbortController()
  const asked = stopRequest().then(() => ended.abort())
  // Only this verb needs the simulator; no other pays for loading it.
  const { runScenario, runSimulation } = await import('../../../agent/src/simulator/simulation.ts')
  const story = options.scenario && STORIES[options.scenario]
  const starting = runSimulation({
    ...startOptions(options),
    ...patchesOf(story, options.devices),
    measures: story === undefined,
    server,
    provision: provisionThrough(client),
    stateDirectory: options.state ?? join(dataDir(), 'simulation'),
    signal: ended.signal,
    log,
  })
  const simulation = await Promise.race([starting, asked])
  if (!simulation) return
  started(simulation, options)
  const timer = setInterval(() => tell(simulation, options), STATISTICS_EVERY_MS)
  const living = runScenario(simulation, {
    mode: options.mode,
    server,
    everyMs: options.every * SECOND_MS,
    downMs: options.downFor * SECOND_MS,
    share: options.share,
    peers: options.peers,
    fanOut: () => fanOut(client, simulation.devices, ended.signal),
    log,
    signal: ended.signal,
  })
  const played =
    story && introduced(client, ended.signal).then(() => playStory(story, simulation, options, ended.signal))
  try {
    await Promise.race([asked, simulation.closed, Promise.all([living, played]).then(() => asked)])
  } finally {
    clearInterval(timer)
    tell(simulation, options)
    await simulation.stop()
  }
}

async function playStory(
  story: Story,
  simulation: RunningSimulation,
  options: SimulateOptions,
  signal: AbortSignal,
): Promise<void> {
  const [everyMs, downMs] = [options.every * SECOND_MS, options.downFor * SECOND_MS]
  const pause = (milliseconds: number) => paused(milliseconds, signal)
  const played = story.play({ simulation, now: new Date(), pause, everyMs, downMs })
  // What is over was told first: the server takes no sample from before the latest.
  simulation.measure(true)
  await played
}

function patchesOf(story: Story | undefined, devices: number | undefined) {
  const patches = story?.patches?.(planFleet(devices), new Date())
  return patches && { patches }
}

function startOptions({ devices, seed, mode, startPeriod, packages, failScripts, clockSkew }: SimulateOptions) {
  const count = devices ?? 147
  return {
    ...(devices !== undefined && { devices }),
    ...(seed !== undefined && { seed }),
    ...(startPeriod !== undefined && { timing: { connectsPerSecond: Math.max(1, count / startPeriod) } }),
    quirks: {
      twice: mode === 'duplicates',
      clockSkewMs: mode === 'clock-skew' ? clockSkew * HOUR_MS : 0,
      ...(packages !== undefined && { packages }),
      ...(failScripts !== undefined && { failingScripts: failScripts }),
    },
  }
}

function log(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  note([event, ...Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)].join(' '))
}

function started(simulation: RunningSimulation, { json }: SimulateOptions): void {
  const { connected } = simulation.statistics()
  const { allOnlineMs, enrolled, devices } = simulation
  const summary = { devices: devices.length, enrolled, connected, all_online_ms: allOnlineMs }
  if (json) return say(JSON.stringify(summary))
  const took = allOnlineMs === null ? '' : `, the last after ${(allOnlineMs / SECOND_MS).toFixed(1)} s`
  note(
    `${plural(summary.devices, 'device')} simulated, ${enrolled} newly enrolled, ${connected} online${took}. Ctrl-C stops them.`,
  )
}

function tell(simulation: RunningSimulation, { json }: SimulateOptions): void {
  const statistics = simulation.statistics()
  if (json) say(JSON.stringify({ statistics }))
  else note(sentence(statistics))
}

const ms = (value: number | null): string => (value === null ? '–' : value.toFixed(0))
const hits = ({ told, missed }: { told: number; missed: number }): string =>
  told === 0 ? '–' : `${Math.max(0, Math.round(100 * (1 - missed / told)))} %`

function sentence(now: SimulationStatistics): string {
  const errors = Object.entries(now.errors).map(([reason, count]) => `${count} × ${reason}`)
  return [
    `${now.connected} of ${now.enrolled} online`,
    `${now.heartbeats} heartbeats (round trip p50 ${ms(now.roundTripP50Ms)}, p99 ${ms(now.roundTripP99Ms)} ms)`,
    `${now.commands} commands (delivered p50 ${ms(now.deliveryP50Ms)}, p99 ${ms(now.deliveryP99Ms)} ms)`,
    `${now.results} results (kept p50 ${ms(now.acksP50Ms)}, p99 ${ms(now.acksP99Ms)} ms, ${now.lateAcks} late)`,
    `${(now.bytesOut / 1e6).toFixed(1)} MB out, ${(now.bytesIn / 1e6).toFixed(1)} MB in`,
    `hits: sections ${hits(now.sectionHits)}, configuration ${hits(now.configurationHits)}`,
    `errors: ${errors.join(', ') || 'none'}`,
  ].join('; ')
}

function share(text: string): number {
  const number = Number(text)
  if (!(number >= 0 && number <= 1)) throw new InvalidArgumentError('It must be a number from 0 to 1.')
  return number
}
