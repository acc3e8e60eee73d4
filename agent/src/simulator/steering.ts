/** What a script asks of the simulated devices that run it, such as `# simulate: lines=200 seconds=5 fail=0.1`. */
export interface Steering {
  /** Of output. */
  lines: number
  /** How long it takes; its output comes in pieces meanwhile. */
  seconds: number
  /** Probability of exit code 1. */
  fail: number
}

const MARKER = /\bsimulate:((?:[ \t]+[a-z]+=[\d.]+)+)/
const MOST_LINES = 20_000

export function steeringOf(content: string): Steering {
  const [, text = ''] = MARKER.exec(content) ?? []
  const values = new Map(text.trim().split(/\s+/).map(pair))
  const value = (name: string, most: number): number => Math.min(most, values.get(name) ?? 0)
  return { lines: value('lines', MOST_LINES), seconds: value('seconds', 3600), fail: value('fail', 1) }
}

function pair(text: string): [string, number] {
  const [name = '', value] = text.split('=')
  const number = Number(value)
  return [name, Number.isFinite(number) ? number : 0]
}
