/** What was measured, as one table of text, and what had to be reached. */
import type { Errors, HerdSummary, SteadyReport } from './agents.ts'
import type { CommandReport } from './commands.ts'
import type { Summary } from './rounds.ts'

export interface Measured {
  devices: number
  calls: Summary[]
  /** Characters of the answers' text, by what was asked. */
  answers: { what: string; characters: number }[]
  commands: CommandReport | null
  steady: SteadyReport | null
  herd: HerdSummary | null
  firstStartMs: number
  secondStartMs: number | null
  /** The server's memory after its first start, and after the calls. */
  startedBytes: number
  loadedBytes: number | null
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
  const { answers, commands, steady, herd, firstStartMs, secondStartMs, startedBytes, loadedBytes } = measured
  return [
    ['first start, database made, until ready', seconds(firstStartMs)],
    ...(secondStartMs === null ? [] : [['second start until ready', seconds(secondStartMs)]]),
    ['resident: server after its first start', mib(startedBytes)],
    ...(loadedBytes === null ? [] : [['resident: server after the calls', mib(loadedBytes)]]),
    ...(commands
      ? [
          [
            `command round trip, ${commands.commands} one by one`,
            `p50 ${ms(commands.p50)}, p95 ${ms(commands.p95)}, p99 ${ms(commands.p99)}`,
          ],
        ]
      : []),
    ...(steady ? steadyFacts(steady) : []),
    ...(herd ? herdFacts(herd) : []),
    ...answers.map(({ what, characters }) => [
      `tokens of ${what}`,
      `≈ ${Math.round(characters / CHARACTERS_PER_TOKEN)} (${characters} characters / ${CHARACTERS_PER_TOKEN})`,
    ]),
  ]
}

function steadyFacts(steady: SteadyReport): string[][] {
  return [
    ['simulated agents connected', `${steady.connected}, all within ${steady.connectSeconds.toFixed(1)} s`],
    ['steady: heartbeats', `${steady.heartbeatsPerSecond.toFixed(1)} /s`],
    ['steady: event loop', lag(steady.lag)],
    ['steady: server CPU', `${steady.serverCpuPercent.toFixed(1)} % of one core`],
    ['steady: errors of simulated devices', errorText(steady.errors)],
    ['resident: server with the agents', mib(steady.serverBytes)],
    ['resident: PostgreSQL (proportional, all processes)', mib(steady.postgresBytes)],
    ["resident: agent on the server's machine", steady.agentBytes === null ? 'not running' : mib(steady.agentBytes)],
    ['resident: simulator of all agents', mib(steady.simulatorBytes)],
  ]
}

function herdFacts(herd: HerdSummary): string[][] {
  const { returnP50Ms, returnP99Ms, lastMs } = herd
  const back = [returnP50Ms, returnP99Ms, lastMs].map((value) => (value === null ? '–' : seconds(value)))
  return [
    ['mass reconnect', `${herd.dropped} cut at once, ${herd.returned} back`],
    ['mass reconnect: until back', `p50 ${back[0]}, p99 ${back[1]}, last ${back[2]}`],
    ['mass reconnect: event loop', lag(herd.lag)],
    ['mass reconnect: errors of simulated devices', errorText(herd.errors)],
  ]
}

export function requirements(measured: Measured): Requirement[] {
  const { calls, commands, steady, secondStartMs } = measured
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
    ...(commands ? [below('command round trip p50 < 100 ms', commands.p50, 100, 'ms')] : []),
    ...(steady
      ? [
          atLeast('2,000 agents connected', steady.connected, 2000),
          below('event-loop p99 < 50 ms with them', steady.lag.p99Ms, 50, 'ms'),
          below('server < 250 MB with them', steady.serverBytes / 1e6, 250, 'MB'),
          below('agent < 80 MB', (steady.agentBytes ?? Infinity) / 1e6, 80, 'MB'),
        ]
      : []),
    ...(secondStartMs === null ? [] : [below('second start ready < 4 s', secondStartMs / 1000, 4, 's')]),
  ]
}

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
const errorText = (errors: Errors): string =>
  Object.entries(errors)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ') || 'none'
