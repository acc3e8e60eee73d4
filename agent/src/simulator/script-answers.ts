import type { Facts } from './facts.ts'
import { linuxAnswers } from './linux-answers.ts'
import type { Answer, Machine } from './machine.ts'
import { macosAnswers } from './macos-answers.ts'
import { expanded } from './script-text.ts'
import { windowsAnswers } from './windows-answers.ts'

export type StatementResult =
  | { act: 'print'; text: string }
  | { act: 'sleep'; seconds: number }
  | { act: 'exit'; code: number }
  /** Printed, and the script ends with 1: `throw`. */
  | { act: 'fail'; text: string }

const ANSWERS: { readonly [F in Facts['system']['family']]: readonly Answer[] } = {
  windows: windowsAnswers,
  linux: linuxAnswers,
  macos: macosAnswers,
}

const ECHO = /^(?:echo(?: -[neE]+)?|printf|print|Write-Output|Write-Host|Write-Verbose)\b ?\(?(.*?)\)?$/is
const SLEEP = /^(?:sleep|time\.sleep|Start-Sleep)(?: -Seconds| -s)?[ (]+([\d.]+)\)?$/i
const EXIT = /^(?:exit|sys\.exit|raise SystemExit)[ (]*(\d+)?\)?$/i
const THROW = /^throw\b ?(.*)$/is

/** One command. What is not in the tables is said to be unknown and does no harm: nothing is ever run. */
export function answer(command: string, machine: Machine): StatementResult {
  const exit = EXIT.exec(command)
  if (exit) return { act: 'exit', code: Number(exit[1] ?? 0) }
  if (/^false$/.test(command)) return { act: 'exit', code: 1 }
  if (/^(true|:|pass)$/.test(command)) return { act: 'print', text: '' }
  const sleep = SLEEP.exec(command)
  if (sleep) return { act: 'sleep', seconds: Number(sleep[1]) }
  const fail = THROW.exec(command)
  if (fail) return { act: 'fail', text: expanded(fail[1] ?? '', variables(machine)) }
  for (const [pattern, print] of ANSWERS[machine.facts.system.family]) {
    const match = pattern.exec(command)
    if (match) return { act: 'print', text: print(machine, match) }
  }
  const echo = ECHO.exec(command)
  if (echo) return { act: 'print', text: expanded(echo[1] ?? '', variables(machine)) }
  return { act: 'print', text: `simulated device: no answer is prepared for "${command.slice(0, 200)}"` }
}

function variables({ facts, now }: Machine): Record<string, string> {
  const { hostname } = facts
  return {
    '$(hostname)': hostname,
    '${HOSTNAME}': hostname,
    $HOSTNAME: hostname,
    '$env:COMPUTERNAME': hostname,
    '$(whoami)': facts.system.family === 'windows' ? 'nt authority\\system' : 'root',
    '$(date)': now.toUTCString(),
    '$(uname -r)': facts.system.os.kernel,
  }
}
