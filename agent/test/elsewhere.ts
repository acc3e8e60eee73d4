import { execFileSync } from 'node:child_process'
import type { CommandBody, CommandOutcome } from '@breeze/contract/agent-commands'

export interface Elsewhere {
  stateDirectory: string
  commands: Extract<CommandBody, { type: 'files.read' | 'network.wake' | 'service.control' }>[]
}

/**
 * Carries out commands in other namespaces than the test's: `enter` is the program that makes or enters them, `prepare`
 * a line of shell that runs there first. What is mounted there vanishes with the namespace.
 */
export function carryOutElsewhere(enter: string[], prepare: string, work: Elsewhere): CommandOutcome[] {
  const module = new URL('./carry-out.ts', import.meta.url).pathname
  const [program = '', ...args] = [...enter, 'sh', '-c', `${prepare} && exec "$0" "$1" "$2"`]
  const output = execFileSync(program, [...args, process.execPath, module, JSON.stringify(work)], { encoding: 'utf8' })
  // carry-out.ts printed it.
  return JSON.parse(output) as CommandOutcome[]
}
