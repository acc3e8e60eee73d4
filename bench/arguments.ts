import { parseArgs } from 'node:util'

export const PARTS = ['calls', 'commands', 'agents', 'restart'] as const
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
  commands: number
  steadyMs: number
}

const FULL: Size = {
  devices: 10_000,
  agents: 2000,
  rounds: 6,
  roundMs: 1200,
  warmUpMs: 1500,
  commands: 200,
  steadyMs: 65_000,
}
const QUICK: Size = { ...FULL, rounds: 3, roundMs: 500, warmUpMs: 600, commands: 60, steadyMs: 10_000 }

export const HELP = `npm run bench -- [options]: starts a server, loads it, prints one table and stops everything

  --quick           under a minute and a half, less exact
  --only <part>     ${PARTS.join(', ')}; may be given several times
  --agents <n>      how many simulated agents; 2000, when left out
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
    parts: new Set(parts.length > 0 ? parts : PARTS),
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
