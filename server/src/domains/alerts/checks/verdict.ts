/** What the end of a script says about the device it ran on. */
import type { EndedScript } from '../../commands/reads.ts'
import type { Condition } from '../rules.ts'
import type { CheckVerdict } from '../tables.ts'

export interface Judged {
  verdict: CheckVerdict
  /** Why there is no data, in the server's own words. */
  reason: string | null
}

type Asked = Pick<Condition<'script_check'>, 'exit_codes' | 'output'>
type End = Pick<EndedScript, 'state' | 'exitCode' | 'output'>

const NO_DATA: Partial<Record<EndedScript['state'], string>> = {
  timed_out: 'it took too long',
  rejected: 'the device refused to run it',
  interrupted: 'it was interrupted',
  expired: 'the device did not begin it in time',
  cancelled: 'it was cancelled',
}

export function judge(asked: Asked, { state, exitCode, output }: End): Judged {
  const reason = NO_DATA[state] ?? (exitCode === null ? 'it could not be run' : null)
  if (reason !== null || exitCode === null) return { verdict: 'no_data', reason }
  return { verdict: fails(asked, exitCode, output ?? '') ? 'fire' : 'clear', reason: null }
}

function fails({ exit_codes: codes, output: pattern }: Asked, exitCode: number, output: string): boolean {
  if (codes === undefined && pattern === undefined) return exitCode !== 0
  if (codes?.includes(exitCode)) return true
  return pattern !== undefined && output.split('\n').some((line) => holds(line.toLowerCase(), pattern.toLowerCase()))
}

/** Without an expression: what a device writes decides about no time but its own length's. */
function holds(line: string, pattern: string): boolean {
  let from = 0
  for (const part of pattern.split('*')) {
    const at = line.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return true
}

const KEPT_LINES = 20
const KEPT_CHARACTERS = 2000

/** What is kept of an output: its last lines. */
export const lastLines = (output: string | null): string | null =>
  output?.trimEnd().split('\n').slice(-KEPT_LINES).join('\n').slice(-KEPT_CHARACTERS).toWellFormed() ?? null
