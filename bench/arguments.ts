import { parseArgs } from 'node:util'

export const PARTS = [
  'calls',
  'queries',
  'tokens',
  'commands',
  'agents',
  'restart',
  'fleet',
  'agent',
  'metrics',
  'alerts',
  'rollout',
] as const
export type Part = (typeof PARTS)[number]

export interface Arguments {
  parts: ReadonlySet<Part>
  /** Whether a missed requirement fails the run. */
  check: boolean
  /** Folder for a CPU profile of the server, taken during the calls. */
  profile: string | undefined
  /** Further options of the server's Node.js, to try them. */
  node: readonly string[]
  size: Size
}

/** How much is measured. */
export interface Size {
  devices: number
  /** Simulated agents that are online, besides those that are offline or never came. */
  agents: number
  rounds: number
  /** Of one case within one round. */
  roundMs: number
  warmUpMs: number
  /** Credential checks of each kind. */
  checks: number
  commands: number
  steadyMs: number
  /** Agents of the parts `fleet` and `metrics`. */
  fleet: number
  /** How long the cost of the agent itself is watched, with and without heartbeats. */
  agentMs: number
  /** How long metrics are watched, with and without them. */
  metricsMs: number
  /** How long alerts are watched, without and with the engine. */
  alertsMs: number
}

const FULL: Size = {
  devices: 10_000,
  agents: 2000,
  rounds: 6,
  roundMs: 1200,
  warmUpMs: 1500,
  checks: 10_000,
  commands: 200,
  steadyMs: 65_000,
  fleet: 10_000,
  agentMs: 60_000,
  metricsMs: 120_000,
  alertsMs: 120_000,
}
const QUICK: Size = {
  ...FULL,
  rounds: 3,
  roundMs: 500,
  warmUpMs: 600,
  checks: 3000,
  commands: 60,
  steadyMs: 10_000,
  agentMs: 15_000,
  metricsMs: 60_000,
  alertsMs: 30_000,
}
/** What a quick run leaves out unless it is asked for. */
const LONG: ReadonlySet<Part> = new Set(['fleet', 'metrics'])

export const HELP = `npm run bench -- [options]: starts a server, loads it, prints one table and stops everything

  calls     tools/list and list_devices against the floor
  queries   alerts and health of 10,000 devices with 20,000 unresolved alerts
  tokens    the check of an API key, an OAuth token and a session
  commands  one script on one device, again and again
  agents    2,000 simulated agents: steady, a mass reconnect, one script to 2,000 devices
  fleet     the same with 10,000, on a server of their own
  metrics   a sample each minute from 10,000 agents: what storing them costs
  agent     what the agent itself costs its machine
  restart   the second start
  alerts    10,000 devices with 20 rules each: how late alerts are, and what watching costs
  rollout   one script to 500 agents in stages, one in twenty failing: where it stops, and what it costs

  --quick           two minutes, less exact, without the parts fleet and metrics
  --only <part>     ${PARTS.join(', ')}; may be given several times
  --agents <n>      how many simulated agents the part agents has; 2000, when left out
  --no-check        exit 0 whatever was measured
  --profile <dir>   write a CPU profile of the server there
  --node=<option>   start the server's Node.js with it, such as --node=--max-semi-space-size=8; may be given several times
  --help            this text
`

export function readArguments(argv: readonly string[]): Arguments | 'help' {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      check: { type: 'boolean', default: true },
      profile: { type: 'string' },
      node: { type: 'string', multiple: true, default: [] },
      agents: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
  })
  if (values.help) return 'help'
  const parts = values.only.map(asPart)
  return {
    parts: new Set(parts.length > 0 ? parts : PARTS.filter((part) => !values.quick || !LONG.has(part))),
    check: values.check,
    profile: values.profile,
    node: values.node,
    size: sizeOf(values.quick ? QUICK : FULL, values.agents),
  }
}

function sizeOf(size: Size, agents: string | undefined): Size {
  if (agents === undefined) return size
  if (!/^[1-9]\d{0,4}$/.test(agents)) throw new Error(`--agents must be a number up to 99999, not ${agents}`)
  return { ...size, agents: Number(agents) }
}

function asPart(name: string): Part {
  const part = PARTS.find((known) => known === name)
  if (!part) throw new Error(`--only must be one of ${PARTS.join(', ')}, not ${name}`)
  return part
}
