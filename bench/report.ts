/** What was measured, as one table of text, and what had to be reached. */
import type { SimulationStatistics } from '../agent/src/simulator/simulation.ts'
import type { AgentCost } from './agent-cost.ts'
import type { AlertCost } from './alerts.ts'
import type { Errors, HerdSummary, SteadyReport } from './agents.ts'
import type { CommandReport } from './commands.ts'
import type { FanOutReport } from './fan-out.ts'
import type { MetricCost } from './metrics.ts'
import type { QueryReport } from './queries.ts'
import type { RolloutReport } from './rollout.ts'
import type { Summary } from './rounds.ts'
import type { TokenReport } from './tokens.ts'

export interface Measured {
  devices: number
  calls: Summary[]
  /** Characters of the answers' text, by what was asked. */
  answers: { what: string; characters: number }[]
  tokens: TokenReport | null
  queries: QueryReport[]
  commands: CommandReport | null
  /** One for each number of agents. */
  loads: LoadReport[]
  agent: AgentCost | null
  metrics: MetricCost | null
  alerts: AlertCost | null
  rollout: RolloutReport | null
  firstStartMs: number
  secondStartMs: number | null
  /** The server's memory after its first start, and after the calls. */
  startedBytes: number
  loadedBytes: number | null
}

export interface LoadReport {
  steady: SteadyReport
  herd: HerdSummary
  fanOut: FanOutReport
  /** Of the simulator, at the end. */
  statistics: SimulationStatistics
}

export interface Requirement {
  text: string
  measured: string
  met: boolean
}

const MIB = 1024 ** 2
/** What is usually said of English and JSON; no tokenizer of any model is asked. */
const CHARACTERS_PER_TOKEN = 4
/** Statements of a neighbouring round that end within this one. */
const TOLERANCE = 0.05

export function table(measured: Measured): string {
  return [
    ...(measured.calls.length > 0
      ? [`Calls, ${measured.devices} devices in the list`, callTable(measured.calls), '']
      : []),
    columns([['Measurement', 'Value'], ...facts(measured)]),
  ].join('\n')
}

function callTable(calls: readonly Summary[]): string {
  const head = [
    'Call',
    'Over',
    'Conc.',
    'req/s',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'server µs',
    'PG µs',
    'stmts',
    'txns',
    '× floor',
  ]
  const rows = calls.map((row) => [
    row.call,
    row.over,
    String(row.concurrency),
    row.rate.toFixed(0),
    ...[row.p50, row.p95, row.p99].map((ms) => ms.toFixed(2)),
    row.serverMicroseconds.toFixed(0),
    row.postgresMicroseconds.toFixed(0),
    row.statements.toFixed(2),
    row.transactions.toFixed(2),
    row.ofFloor?.toFixed(2) ?? '',
  ])
  return columns([head, ...rows])
}

function facts(measured: Measured): string[][] {
  const {
    answers,
    queries,
    tokens,
    commands,
    loads,
    agent,
    metrics,
    alerts,
    rollout,
    firstStartMs,
    secondStartMs,
    startedBytes,
    loadedBytes,
  } = measured
  return [
    ['first start, database made, until ready', seconds(firstStartMs)],
    ...(secondStartMs === null ? [] : [['second start until ready', seconds(secondStartMs)]]),
    ['resident: server after its first start', mib(startedBytes)],
    ...(loadedBytes === null ? [] : [['resident: server after the calls', mib(loadedBytes)]]),
    ...(tokens ? tokenFacts(tokens) : []),
    ...(commands
      ? [
          [
            `command round trip, ${commands.commands} one by one`,
            `p50 ${ms(commands.p50)}, p95 ${ms(commands.p95)}, p99 ${ms(commands.p99)}`,
          ],
        ]
      : []),
    ...queries.map(({ what, calls, p50, p95, characters }) => [
      what,
      `p50 ${ms(p50)}, p95 ${ms(p95)} of ${calls}; ≈ ${Math.round(characters / CHARACTERS_PER_TOKEN)} tokens`,
    ]),
    ...loads.flatMap(loadFacts),
    ...(agent ? agentFacts(agent) : []),
    ...(metrics ? metricFacts(metrics) : []),
    ...(alerts ? alertFacts(alerts) : []),
    ...(rollout ? rolloutFacts(rollout) : []),
    ...answers.map(({ what, characters }) => [
      `tokens of ${what}`,
      `≈ ${Math.round(characters / CHARACTERS_PER_TOKEN)} (${characters} characters / ${CHARACTERS_PER_TOKEN})`,
    ]),
  ]
}

const tokenFacts = ({ grants, tokens, costs }: TokenReport): string[][] =>
  costs.map(({ kind, postgresMicroseconds, nodeMicroseconds }) => [
    kind === 'nothing'
      ? 'a statement that looks nothing up'
      : `check of one ${kind}, ${grants} grants, ${tokens} tokens`,
    `${postgresMicroseconds.toFixed(0)} µs of CPU in PostgreSQL, ${nodeMicroseconds.toFixed(0)} µs in Node`,
  ])

function loadFacts({ steady, herd, fanOut, statistics }: LoadReport): string[][] {
  const [{ sectionHits: sections }, agents] = [statistics, String(steady.connected)]
  const facts = [...steadyFacts(steady), ...herdFacts(herd), ...fanOutFacts(fanOut)]
  return [
    ...facts,
    ['sections told by hash that the server held', `${percent(sections)} of ${sections.told}`],
    ['way of the simulated agents', `p50 ${known(statistics.roundTripP50Ms)}, p99 ${known(statistics.roundTripP99Ms)}`],
    ['bytes of the simulated agents', `${mib(statistics.bytesOut)} sent, ${mib(statistics.bytesIn)} received`],
  ].map(([what = '', value = '']) => [`${agents} agents: ${what}`, value])
}

function steadyFacts(steady: SteadyReport): string[][] {
  return [
    [
      'connected',
      `all within ${steady.connectSeconds.toFixed(1)} s, inventory ${steady.settleSeconds.toFixed(0)} s later`,
    ],
    ['steady, heartbeats', `${steady.heartbeatsPerSecond.toFixed(1)} /s`],
    ['steady, event loop', lag(steady.lag)],
    ['steady, server CPU', `${steady.serverCpuPercent.toFixed(1)} % of one core`],
    ['steady, errors of simulated devices', errorText(steady.errors)],
    ['resident, server', `${mib(steady.serverBytes)}, at most ${mib(steady.peakBytes)} since its start`],
    ['resident, PostgreSQL (proportional, all processes)', mib(steady.postgresBytes)],
    ["resident, agent on the server's machine", steady.agentBytes === null ? 'not running' : mib(steady.agentBytes)],
    ['resident, simulator', mib(steady.simulatorBytes)],
  ]
}

function herdFacts(herd: HerdSummary): string[][] {
  const { returnP50Ms, returnP99Ms, lastMs } = herd
  const back = [returnP50Ms, returnP99Ms, lastMs].map((value) => (value === null ? '–' : seconds(value)))
  return [
    ['mass reconnect', `${herd.dropped} cut at once, ${herd.returned} back`],
    ['mass reconnect, until back', `p50 ${back[0]}, p99 ${back[1]}, last ${back[2]}`],
    ['mass reconnect, event loop', lag(herd.lag)],
    ['mass reconnect, server', `${herd.cpuSeconds.toFixed(1)} s of CPU, ${mib(herd.serverBytes)} afterwards`],
    ['mass reconnect, errors of simulated devices', errorText(herd.errors)],
  ]
}

function fanOutFacts(report: FanOutReport): string[][] {
  const { devices, succeeded, open, seconds: total, callSeconds, firstSeconds, serverMs, postgresMs } = report
  const text = `${succeeded} of ${devices} succeeded, ${open} open; results after ${total.toFixed(1)} s (the call: ${callSeconds.toFixed(1)} s)`
  return [
    ['one script to many', text],
    ['one script to many, first result', seconds(firstSeconds * 1000)],
    ['one script to many, CPU of a device', `${ms(serverMs)} server, ${ms(postgresMs)} PostgreSQL`],
  ]
}

function agentFacts({ heartbeats, heartbeatMs, busyPercent, idlePercent, bytes }: AgentCost): string[][] {
  return [
    ['agent: a heartbeat', `${heartbeatMs.toFixed(2)} ms of CPU, of ${heartbeats} at one a second`],
    ['agent: without heartbeats', `${idlePercent.toFixed(3)} % of one core`],
    ['agent: with one a second', `${busyPercent.toFixed(3)} % of one core`],
    ['agent: resident', mib(bytes)],
  ]
}

const difference = (more: number, less: number): string =>
  `${(more - less).toFixed(1)} % of one core (${more.toFixed(1)} with, ${less.toFixed(1)} without them)`

function metricFacts(cost: MetricCost): string[][] {
  return [
    ['metrics: stored', `${cost.samplesPerSecond.toFixed(0)} samples /s of ${cost.agents} agents`],
    ['metrics: server CPU', difference(cost.withPercent, cost.withoutPercent)],
    ['metrics: PostgreSQL CPU', difference(cost.postgresWithPercent, cost.postgresWithoutPercent)],
    ['metrics: a minute of one device', `${cost.bytesPerSample.toFixed(0)} bytes, indexes included`],
  ]
}

function alertFacts(cost: AlertCost): string[][] {
  const { devices, rulesPerDevice, samplesPerSecond, alertsOpen, lagP50Ms, lagP99Ms } = cost
  const engine = cost.withEnginePercent - cost.ingestPercent
  return [
    ['alerts: watched', `${devices} devices × ${rulesPerDevice} rules, ${samplesPerSecond.toFixed(0)} samples /s`],
    ['alerts: open or pending at the end', String(alertsOpen)],
    ['alerts: from stored to written', `p50 ${ms(lagP50Ms)}, p99 ${ms(lagP99Ms)}`],
    ['alerts: storing samples', `${cost.ingestPercent.toFixed(1)} % of one core`],
    ['alerts: the engine beside it', `${engine.toFixed(1)} % of one core`],
  ]
}

function rolloutFacts({ devices, state, stages, seconds: took, serverMs, postgresMs }: RolloutReport): string[][] {
  const told = stages.map(({ name, devices: many, succeeded, failed }) => `${name} ${succeeded}+${failed} of ${many}`)
  return [
    ['rollout: stages, succeeded + failed', told.join(', ')],
    [`rollout: over ${devices} devices`, `${state} after ${took.toFixed(1)} s`],
    ['rollout: CPU of a device that was sent it', `${ms(serverMs)} server, ${ms(postgresMs)} PostgreSQL`],
  ]
}

export function requirements(measured: Measured): Requirement[] {
  const { calls, queries, tokens, commands, loads, agent, metrics, alerts, rollout, secondStartMs } = measured
  const at32 = calls.filter((row) => row.call === 'list_devices' && row.concurrency === 32)
  const mine = calls.filter((row) => row.call === 'list_devices' && row.over !== 'floor')
  const floor = (least: number, over: string): Requirement[] =>
    at32
      .filter((row) => row.over === over)
      .map((row) => atLeast(`list_devices over ${over} ≥ ${least} × the floor at 32`, row.ofFloor ?? 0, least))
  return [
    ...floor(0.4, 'MCP 2025-11-25'),
    ...floor(0.4, 'MCP 2026-07-28'),
    ...floor(0.6, 'REST'),
    ...(mine.length > 0
      ? [
          below(
            'list_devices: at most 6 statements',
            Math.max(...mine.map((row) => row.statements)),
            6 + TOLERANCE,
            '',
          ),
          below('list_devices: 1 transaction', Math.max(...mine.map((row) => row.transactions)), 1 + TOLERANCE, ''),
        ]
      : []),
    ...(tokens
      ? [
          below(
            'token check < 0.3 ms of CPU in PostgreSQL',
            Math.max(...tokens.costs.map((cost) => cost.postgresMicroseconds)) / 1000,
            0.3,
            'ms',
          ),
        ]
      : []),
    ...queries.map(({ what, p50, limitMs }) => below(`${what}: p50 < ${limitMs} ms`, p50, limitMs, 'ms')),
    ...(commands ? [below('command round trip p50 < 100 ms', commands.p50, 100, 'ms')] : []),
    ...loads.flatMap(loadRequirements),
    ...(agent
      ? [
          below('agent: heartbeat < 5 ms of CPU', agent.heartbeatMs, 5, 'ms'),
          below('agent: < 0.5 % of one core', agent.idlePercent + agent.heartbeatMs / 600, 0.5, '%'),
        ]
      : []),
    ...(metrics
      ? [below('metrics of 10,000 agents < 25 % of one core', metrics.withPercent - metrics.withoutPercent, 25, '%')]
      : []),
    ...(alerts ? [below('alerts p99 < 5 s behind, 20 rules a device', alerts.lagP99Ms / 1000, 5, 's')] : []),
    ...(rollout
      ? [
          {
            text: 'a rollout to 500 stops where its gate says',
            measured:
              rollout.wrong.join('; ') ||
              (rollout.stoppedAt === null ? 'it was kept' : `stage ${rollout.stoppedAt + 1}`),
            met: rollout.wrong.length === 0 && rollout.devices >= 500,
          },
        ]
      : []),
    ...(secondStartMs === null ? [] : [below('second start ready < 4 s', secondStartMs / 1000, 4, 's')]),
  ]
}

function loadRequirements({ steady, herd, fanOut }: LoadReport): Requirement[] {
  const isFleet = steady.connected >= 10_000
  const agents = isFleet ? 10_000 : 2000
  const told = (text: string): string => `${agents.toLocaleString('en')} agents: ${text}`
  const megabytes = steady.serverBytes / 1e6
  const alone = [
    below(told('event-loop p99 < 50 ms'), steady.lag.p99Ms, 50, 'ms'),
    below(told('server < 250 MB'), megabytes, 250, 'MB'),
    below('agent < 80 MB', (steady.agentBytes ?? Infinity) / 1e6, 80, 'MB'),
  ]
  const crowd = [
    below(told('server < 60 % of one core'), steady.serverCpuPercent, 60, '%'),
    below(told('server < 500 MB'), megabytes, 500, 'MB'),
  ]
  const away = Object.entries(herd.errors).filter(([reason]) => / 5\d\d$/.test(reason))
  const lastSeconds = herd.returned === herd.dropped ? (herd.lastMs ?? Infinity) / 1000 : Infinity
  return [
    atLeast(told('connected'), steady.connected, agents),
    ...(isFleet ? crowd : alone),
    below(told('all back < 30 s'), lastSeconds, 30, 's'),
    below(told('event-loop p99 < 100 ms meanwhile'), herd.lag.p99Ms, 100, 'ms'),
    below(
      told('no 5xx'),
      away.reduce((sum, [, count]) => sum + count, 0),
      1,
      '',
    ),
    ...(fanOut.succeeded >= 2000 || isFleet
      ? [
          below(told('first result of a script on 2,000 < 1 s'), fanOut.firstSeconds, 1, 's'),
          below(told('results of a script on 2,000 < 15 s'), fanOutSeconds(fanOut), 15, 's'),
          below(told('a script on 2,000 < 40 ms of CPU a device'), fanOut.serverMs + fanOut.postgresMs, 40, 'ms'),
        ]
      : []),
  ]
}

const fanOutSeconds = ({ succeeded, open, seconds: took }: FanOutReport): number =>
  succeeded >= 2000 && open === 0 ? took : Infinity

const atLeast = (text: string, value: number, least: number): Requirement => ({
  text,
  measured: value.toFixed(2),
  met: value >= least,
})

const below = (text: string, value: number, limit: number, unit: string): Requirement => ({
  text,
  measured: `${value.toFixed(2)} ${unit}`.trim(),
  met: value < limit,
})

export function requirementTable(list: readonly Requirement[]): string {
  const rows = list.map(({ text, measured, met }) => [text, measured, met ? 'met' : 'MISSED'])
  return columns([['Must reach', 'Measured', ''], ...rows])
}

/** Plain text: columns of numbers to the right, all others to the left. */
function columns(rows: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = rows
  const shapes = head.map((_, column) => ({
    width: Math.max(...rows.map((row) => (row[column] ?? '').length)),
    numbers: rest.every((row) => /^[\d.]*$/.test(row[column] ?? '')),
  }))
  const line = (row: readonly string[]): string =>
    shapes
      .map(({ width, numbers }, column) => {
        const cell = row[column] ?? ''
        return numbers ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  return [line(head), shapes.map(({ width }) => '-'.repeat(width)).join('  '), ...rest.map(line)].join('\n')
}

const ms = (value: number): string => `${value.toFixed(1)} ms`
const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`
const mib = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB (${(bytes / MIB).toFixed(0)} MiB)`
const lag = ({ p99Ms, maxMs }: { p99Ms: number; maxMs: number }): string => `p99 ${ms(p99Ms)}, longest ${ms(maxMs)}`
const known = (value: number | null): string => (value === null ? '–' : ms(value))
const percent = ({ told, missed }: { told: number; missed: number }): string =>
  `${told === 0 ? 0 : (100 * (1 - missed / told)).toFixed(1)} %`
const errorText = (errors: Errors): string =>
  Object.entries(errors)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ') || 'none'
